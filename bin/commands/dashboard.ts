/** `dashboard`: the jobs of the tool as a page in a browser, until it is interrupted. */
import { once } from 'node:events';
import { openBrowser } from '../dashboard/browser.ts';
import { startDashboard } from '../dashboard/server.ts';
import { numberOf } from '../terminal/arguments.ts';
import type { Command } from './outcome.ts';

export const showDashboard: Command = async ({ client, line, tool, opener, clock, signal, say, print }) => {
  const dashboard = await startDashboard({
    client,
    tool,
    port: numberOf(line, 'port', 1, 65_535) ?? 0,
    following: { signal, sleep: clock.sleep },
    onSecondUse: () => say('warning', 'Somebody came with the address a second time and was not let in.'),
  });
  const isToOpen = opener !== undefined && !line.options.has('no-open');
  const opened = isToOpen ? await openBrowser(opener, dashboard.address) : undefined;
  try {
    const isJson = line.options.get('output') === 'json';
    await print(isJson ? `${JSON.stringify({ url: dashboard.address })}\n` : `${dashboard.address}\n`);
    say(
      'info',
      'Open this address in a browser: it is good once, and for you alone. Ctrl-C ends the dashboard; the jobs go on.',
    );
    if (!signal.aborted) await once(signal, 'abort');
  } finally {
    await Promise.all([dashboard.close(), opened?.forget()]);
  }
  signal.throwIfAborted();
  return { text: '', data: undefined };
};
