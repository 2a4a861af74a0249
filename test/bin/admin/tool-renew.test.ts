import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { renewTools } from '../../../bin/admin/tool-renew.ts';
import { Tool } from '../../../src/domain.ts';
import { AppError } from '../../../src/errors.ts';
import type { Kube } from '../../../src/kube.ts';
import { createAuthority, toolSubject } from '../../support/certs.ts';
import { type Homes, makeHomes } from '../../support/homes.ts';
import { createScriptedKube } from '../../support/scripted-kube.ts';

const authority = createAuthority('cluster');
const tools = ['alpha', 'beta', 'gamma'].map((name) => Tool.of(name));
const kernel = { readSync: fs.readSync, fstatSync: fs.fstatSync };

let homes: Homes;
beforeEach(() => {
  homes = makeHomes();
  for (const { name } of tools) {
    const { cert, key } = authority.issue({ subject: toolSubject(name) });
    homes.addHome(name);
    homes.addPair(name, cert, key);
  }
});
afterEach(() => {
  replace(kernel);
  homes.remove();
});

/** As far as the walk through a home is concerned, what the kernel answers. */
function replace(calls: object): void {
  Object.assign(fs, calls);
  syncBuiltinESMExports();
}

function breakDiskUnder(tool: string, call: keyof typeof kernel): void {
  const fail = (fd: number, ...rest: unknown[]) => {
    if (fs.readlinkSync(`/proc/self/fd/${fd}`).startsWith(`${homes.base}/${tool}/.toolskube/`))
      throw Object.assign(new Error(`EIO: i/o error, ${call}`), { code: 'EIO', syscall: call });
    return Reflect.apply(kernel[call], fs, [fd, ...rest]);
  };
  replace({ [call]: fail });
}

describe('tool renew', () => {
  it.each(['readSync', 'fstatSync'] as const)(
    'goes on with the other tools when the disk under one home fails at %s, and says so',
    async (call) => {
      breakDiskUnder('beta', call);
      const kube = createScriptedKube();
      const said: string[] = [];
      const options = { homesBase: homes.base, ca: authority.cert, days: 30, withinDays: 0 };
      const done = renewTools(kube as unknown as Kube, tools, options, (line) => void said.push(line));
      (await kube.nextRequest()).answer({ data: { 'client-ca-file': authority.cert } });
      (await kube.nextRequest()).fail(new AppError('kube.unreachable', 'The cluster is away.'));
      const why = 'The cluster is away. (the one before: none good: client.crt: unreadable (EIO))';
      expect(await done).toMatchObject([
        { name: 'alpha', became: 'kept' },
        { name: 'beta', became: 'failed', why },
        { name: 'gamma', became: 'kept' },
      ]);
      expect(said).toEqual([`beta: failed. ${why}`]);
    },
  );
});
