/**
 * Who may look at the dashboard. Every user of the machine can connect to a loopback address, and so can every page that a browser shows;
 * so whoever comes in has to know an address that is good once, and gets a cookie for it that nobody else can have.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

export interface Asked {
  readonly method: string;
  /** As it was sent, e.g. `/enter?token=…`. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
}

export type Verdict =
  | { readonly may: 'enter'; readonly cookie: string }
  | { readonly may: 'look'; readonly url: URL }
  | { readonly may: 'nothing'; readonly status: 403 | 404 | 405 | 421; readonly why: string };

export interface Door {
  /** Good once. */
  readonly address: string;
  judge(asked: Asked): Verdict;
}

const howToEnter = 'Run "toolforge-jobs dashboard" again, and open the address that it says.';

/** @param onSecondUse called when somebody comes with the address again */
export function createDoor(port: number, onSecondUse: () => void): Door {
  const token = secret();
  const session = secret();
  // Cookies do not know ports: that of another dashboard of this user must not be lost.
  const cookieName = `toolforge-jobs-${port}`;
  const hosts = [`127.0.0.1:${port}`, `localhost:${port}`];
  let isUsed = false;

  function enter(given: string): Verdict {
    if (!isSame(given, token)) return refused('This is not an address of this dashboard.');
    if (isUsed) {
      onSecondUse();
      return refused('This address has been used already, and is good once only.');
    }
    isUsed = true;
    return { may: 'enter', cookie: `${cookieName}=${session}; HttpOnly; SameSite=Strict; Path=/` };
  }

  return {
    address: `http://${hosts[0]}/enter?token=${token}`,
    judge({ method, target, headers }) {
      const { host, origin, 'sec-fetch-site': site } = headers;
      // A name of somebody else's that leads here (DNS rebinding) is in Host; a page of theirs in the other two.
      if (host === undefined || !hosts.includes(host)) return nothing(421, 'There is nothing under this name.');
      if (origin !== undefined && origin !== `http://${host}`) return refused('Other pages may not ask here.');
      if (method !== 'GET') return nothing(405, 'There is nothing to be changed here.');
      const url = urlOf(target, host);
      if (!url) return nothing(404, 'There is nothing at this path.');
      if (url.pathname === '/enter') return enter(url.searchParams.get('token') ?? '');
      if (site !== undefined && site !== 'same-origin' && site !== 'none')
        return refused('Other pages may not ask here.');
      if (!isSame(cookieOf(headers.cookie, cookieName), session))
        return refused('You have not come in by the address.');
      return { may: 'look', url };
    },
  };
}

function nothing(status: 403 | 404 | 405 | 421, why: string): Verdict {
  return { may: 'nothing', status, why };
}

function refused(why: string): Verdict {
  return nothing(403, `${why} ${howToEnter}`);
}

function secret(): string {
  return randomBytes(32).toString('base64url');
}

/** In a time that says nothing of where they differ. */
function isSame(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

/** '' where there is none. */
function cookieOf(header: string | undefined, name: string): string {
  const pairs = (header ?? '').split(';').map((pair) => pair.trim());
  return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1) ?? '';
}

/** Paths only: `//elsewhere/` and `http://elsewhere/` name another host. */
function urlOf(target: string, host: string): URL | undefined {
  return /^\/(?!\/)/.test(target) && URL.canParse(target, `http://${host}`)
    ? new URL(target, `http://${host}`)
    : undefined;
}
