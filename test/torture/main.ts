/**
 * `npm run torture -- mail [CUTS] [SEED]`: kills the mail of the daemon 10,000 times, or as often as told.
 * `npm run torture -- webhook [CUTS] [SEED]`: the same of its webhooks.
 * `npm run torture -- outage [TOOLS] [EVENTS]`: a mail server that is away for 48 hours, in a time of its own.
 * All say what came of it, and end with 1 where a promise was broken.
 */
import type { TellingWay } from '../../src/domain.ts';
import { buildProgram } from '../support/build-door.ts';
import { faultsOf, tortureMail, voidGaps } from './mail.ts';
import { playOutage } from './outage.ts';

const usage = 'Usage: npm run torture -- mail [CUTS] [SEED] | webhook [CUTS] [SEED] | outage [TOOLS] [EVENTS]';
const [what = '', ...numbers] = process.argv.slice(2);
const plays: Readonly<Record<string, (first?: number, second?: number) => Promise<string[]>>> = {
  mail: (...given) => kill('mail', ...given),
  webhook: (...given) => kill('webhook', ...given),
  outage,
};
const play = Object.hasOwn(plays, what) ? plays[what] : undefined;
if (!play || numbers.length > 2 || !numbers.every((number) => /^\d+$/.test(number))) {
  console.error(usage);
  process.exit(2);
}
const started = Date.now();
const faults = await play(...numbers.map(Number));
console.log(`${Math.round((Date.now() - started) / 1_000)} s`);
for (const fault of faults) console.error(fault);
console.log(faults.length === 0 ? 'every promise was kept' : 'FAILED');
process.exitCode = faults.length === 0 ? 0 : 1;

async function kill(via: TellingWay, cuts = 10_000, seed = Date.now() % 1_000_000): Promise<string[]> {
  const program = await buildProgram('test/torture/mail-daemon.ts');
  const result = await tortureMail({ program: program.path, cuts, seed, via }).finally(program.remove);
  console.log({ ...result, lost: result.lost.length, toldTwice: result.toldTwice.length, seed });
  const gaps = voidGaps(result, Math.min(30, cuts / 20));
  return [...faultsOf(result), ...gaps.map((gap) => `too few cuts in the gap '${gap}': the run says nothing`)];
}

async function outage(tools = 3_000, events = 90_000): Promise<string[]> {
  const result = await playOutage({ tools, perTool: Math.round(events / tools) });
  console.log(result);
  return [
    ...(result.lost > 0 ? [`${result.lost} events were lost`] : []),
    ...(result.toldTwice > 0 ? [`${result.toldTwice} events were told twice`] : []),
    ...(result.mails > 2 * tools ? [`${result.mails} mails, where two of each tool may wait`] : []),
    ...(result.shortestStretchMs < 9_999 ? ['mail went out faster than the settings allow'] : []),
  ];
}
