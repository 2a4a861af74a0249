/** What is read of a home: the two PEM files of the tool, or only who owns it and whether those files changed. Built on home-walk.ts. */
import {
  certificateRules,
  credentialsDirectory,
  keyRules,
  type Opened,
  readHomeFile,
  stampOfName,
  WalkError,
  withDirectory,
  withHome,
} from './home-walk.ts';

export interface HomePair {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Equal to the stamp of lookAtHome while neither file changes. */
  readonly stamp: string;
}

export interface HomeLook {
  readonly uid: number;
  readonly gid: number;
  readonly stamp: string;
}

const certificateName = 'client.crt';
const keyName = 'client.key';
const tries = 3;

/** @throws WalkError; `changing` only after three looks */
export function readPair(base: string, tool: string): HomePair {
  for (let attempt = 1; ; attempt++) {
    try {
      return withHome(base, tool, (home) =>
        withDirectory(home, credentialsDirectory, (directory) => readBoth(home, directory)),
      );
    } catch (error) {
      if (attempt === tries || !(error instanceof WalkError && error.code === 'changing')) throw error;
    }
  }
}

/** Opens neither file: cheap enough to ask every few seconds. @throws WalkError when the home itself is not one */
export function lookAtHome(base: string, tool: string): HomeLook {
  return withHome(base, tool, (home) => ({
    uid: Number(home.stat.uid),
    gid: Number(home.stat.gid),
    stamp: stampOfPair(home),
  }));
}

function stampOfPair(home: Opened): string {
  try {
    return withDirectory(home, credentialsDirectory, (directory) =>
      joinStamps(stampOfName(directory, certificateName), stampOfName(directory, keyName)),
    );
  } catch (error) {
    if (error instanceof WalkError) return error.code;
    throw error;
  }
}

function readBoth(home: Opened, directory: Opened): HomePair {
  const cert = readHomeFile(home, directory, certificateName, certificateRules);
  const key = readHomeFile(home, directory, keyName, keyRules);
  return { cert: cert.bytes, key: key.bytes, stamp: joinStamps(cert.stamp, key.stamp) };
}

function joinStamps(cert: string, key: string): string {
  return `${cert} ${key}`;
}
