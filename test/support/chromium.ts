/**
 * A real Chromium, Debian's, for tests of pages: driven over its pipe by the DevTools protocol, without a window. It knows nothing of what
 * is looked at.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { debianTree } from './debian-packages.ts';
import { until } from './sandbox.ts';

export interface Chromium {
  /** A tab with cookies and storage of its own. */
  open(): Promise<Tab>;
  close(): Promise<void>;
}

export interface Look {
  /** CSS pixels; 1280 by 800 when absent. */
  readonly width?: number;
  readonly height?: number;
  /** What the person prefers; light when absent. */
  readonly scheme?: 'light' | 'dark';
}

export interface Tab {
  /** Another screen, or another taste. */
  look(look: Look): Promise<void>;
  /** Resolves when the page and what it names has been loaded. */
  goTo(url: string): Promise<void>;
  /** The value of an expression in the page, awaited; it is JSON. */
  ask<T = unknown>(expression: string): Promise<T>;
  /** Waits for a true value of an expression. */
  sees(expression: string, what: string): Promise<void>;
  press(key: string, modifiers?: { readonly shift?: boolean }): Promise<void>;
  screenshot(path: string): Promise<void>;
  /** Another one with the same cookies and connections, in front of this one, which is hidden from then on. */
  openBeside(): Promise<Tab>;
  /** It is the one that is seen. */
  bringToFront(): Promise<void>;
  /** What the console, the page's errors and its policies said. */
  readonly complaints: readonly string[];
  close(): Promise<void>;
}

type Answer = Readonly<Record<string, unknown>>;
type Send = (method: string, params?: object, sessionId?: string) => Promise<Answer>;
type Hear = (method: string, params: Answer, sessionId: string | undefined) => void;

export async function startChromium(): Promise<Chromium> {
  const { root, libraries } = await debianTree('chromium', [], ['chromium-common', 'fonts-dejavu-core']);
  const profile = await mkdtemp(join(tmpdir(), 'chromium-'));
  const fonts = join(profile, 'fonts.conf');
  await writeFile(
    fonts,
    `<fontconfig><dir>${root}/usr/share/fonts</dir><cachedir>${profile}/fonts</cachedir></fontconfig>`,
  );
  const browser = spawn(join(root, 'usr/lib/chromium/chromium'), [...flags, `--user-data-dir=${profile}`], {
    env: {
      ...process.env,
      HOME: profile,
      FONTCONFIG_FILE: fonts,
      LD_LIBRARY_PATH: libraries
        .split(':')
        .flatMap((one) => [one, `${one}/pulseaudio`])
        .join(':'),
    },
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
  });
  const listeners = new Set<Hear>();
  const send = speakOver(browser, (...heard) => {
    for (const hear of listeners) hear(...heard);
  });
  return {
    open: () => openTab(send, listeners),
    async close() {
      const ended = once(browser, 'exit');
      await send('Browser.close').catch(() => browser.kill('SIGKILL'));
      await ended;
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Root has no sandbox in Chromium; and what asks outside on its own has no place in a test. */
const flags = [
  '--headless=new',
  '--remote-debugging-pipe',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  '--no-default-browser-check',
  '--force-color-profile=srgb',
];

/** Messages are JSON, each ended by a zero byte (chromedevtools.github.io, --remote-debugging-pipe). */
function speakOver(browser: ChildProcess, hear: Hear): Send {
  const [, , , commands, answers] = browser.stdio as unknown as [null, null, null, Writable, Readable];
  const waiting = new Map<number, (answer: Answer) => void>();
  let last = 0;
  let rest = '';
  answers.setEncoding('utf8').on('data', (piece: string) => {
    const messages = `${rest}${piece}`.split('\0');
    rest = messages.pop() ?? '';
    for (const text of messages) {
      const message = JSON.parse(text);
      if (message.id === undefined) hear(message.method, message.params, message.sessionId);
      else waiting.get(message.id)?.(message);
    }
  });
  commands.on('error', () => {});
  browser.once('exit', () => {
    for (const settle of waiting.values()) settle({ error: { message: 'Chromium has ended' } });
  });
  return async (method, params = {}, sessionId) => {
    last += 1;
    const id = last;
    const answered = new Promise<Answer>((resolve) => waiting.set(id, resolve));
    commands.write(`${JSON.stringify({ id, method, params, ...(sessionId ? { sessionId } : {}) })}\0`);
    const { result, error } = (await answered) as { result: Answer; error?: { message: string } };
    waiting.delete(id);
    if (error) throw new Error(`${method}: ${error.message}`);
    return result;
  };
}

async function openTab(send: Send, listeners: Set<Hear>): Promise<Tab> {
  const { browserContextId } = await send('Target.createBrowserContext');
  const end = () => send('Target.disposeBrowserContext', { browserContextId });
  return openTabOf(send, listeners, browserContextId as string, end);
}

/** @param end of what belongs to the tab */
async function openTabOf(
  send: Send,
  listeners: Set<Hear>,
  browserContextId: string,
  end: (targetId: string) => Promise<unknown>,
): Promise<Tab> {
  const { targetId } = await send('Target.createTarget', { url: 'about:blank', browserContextId });
  const { sessionId } = await send('Target.attachToTarget', { targetId, flatten: true });
  const ask = (method: string, params?: object) => send(method, params, sessionId as string);
  const complaints: string[] = [];
  let loads = 0;
  const hear: Hear = (method, params, from) => {
    if (from !== sessionId) return;
    if (method === 'Page.loadEventFired') loads += 1;
    const complaint = complaintOf(method, params);
    if (complaint !== undefined) complaints.push(complaint);
  };
  listeners.add(hear);
  for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await ask(`${domain}.enable`);
  const evaluate = async <T>(expression: string): Promise<T> => {
    const asked = { expression, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails } = (await ask('Runtime.evaluate', asked)) as {
      result: { value: T };
      exceptionDetails?: { text: string; exception?: { description?: string } };
    };
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  };
  const look = async ({ width = 1280, height = 800, scheme = 'light' }: Look) => {
    await ask('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false });
    await ask('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
  };
  await look({});
  return {
    complaints,
    look,
    ask: evaluate,
    async goTo(url) {
      const before = loads;
      await ask('Page.navigate', { url });
      await until(async () => loads > before, `${url} is loaded`);
    },
    // While a page gives way to the next one there is nobody to ask.
    sees: async (expression, what) => {
      await until(() => evaluate(expression).catch(() => false), what);
    },
    async press(key, { shift = false } = {}) {
      const event = { key, code: key, modifiers: shift ? 8 : 0, windowsVirtualKeyCode: keyCodes[key] ?? 0 };
      await ask('Input.dispatchKeyEvent', { ...event, type: 'keyDown', ...(key === 'Enter' ? { text: '\r' } : {}) });
      await ask('Input.dispatchKeyEvent', { ...event, type: 'keyUp' });
    },
    async screenshot(path) {
      const { data } = await ask('Page.captureScreenshot', { format: 'png' });
      await writeFile(path, Buffer.from(data as string, 'base64'));
    },
    openBeside: () =>
      openTabOf(send, listeners, browserContextId, (beside) => send('Target.closeTarget', { targetId: beside })),
    async bringToFront() {
      await ask('Page.bringToFront');
    },
    async close() {
      listeners.delete(hear);
      await end(targetId as string);
    },
  };
}

const keyCodes: Readonly<Record<string, number>> = { Tab: 9, Enter: 13, Escape: 27 };

/** Undefined for what is no complaint. */
function complaintOf(method: string, params: Answer): string | undefined {
  if (method === 'Runtime.exceptionThrown') return `exception: ${JSON.stringify(params.exceptionDetails)}`;
  if (method === 'Runtime.consoleAPICalled' && params.type !== 'log') return `console: ${JSON.stringify(params.args)}`;
  if (method !== 'Log.entryAdded') return undefined;
  const { level, text, url } = params.entry as { level: string; text: string; url?: string };
  return level === 'error' || level === 'warning' ? `${level}: ${text} ${url ?? ''}` : undefined;
}
