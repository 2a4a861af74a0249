import { chmod, mkdir, mkdtemp, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listenOnSocket } from '../../../src/server/door/unix-socket.ts';

let base: string;
let directory: string;
const servers: Server[] = [];

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'socket-'));
  directory = join(base, 'run');
  await mkdir(directory);
  await chmod(directory, 0o750);
});
afterEach(async () => {
  for (const server of servers.splice(0)) server.close();
  await rm(base, { recursive: true, force: true });
});

async function listen(path = join(directory, 'a.sock')): Promise<string> {
  const server = createServer();
  servers.push(server);
  await listenOnSocket(server, path);
  return path;
}

describe('the socket of a front', () => {
  it('can be written to by its owner and the group of its directory only', async () => {
    const found = await stat(await listen());
    expect(found.mode & 0o777).toBe(0o660);
    expect(found.gid).toBe((await stat(directory)).gid);
  });

  it('is refused in a directory that others can enter or the group can write to', async () => {
    for (const mode of [0o755, 0o770, 0o777, 0o751, 0o752]) {
      await chmod(directory, mode);
      await expect(listen()).rejects.toMatchObject({ code: 'settings.invalid' });
    }
    await chmod(directory, 0o700);
    await listen();
  });

  it('makes its directory where there is none, whatever the umask, and none above it', async () => {
    const umask = process.umask(0o077);
    const path = await listen(join(base, 'made/a.sock')).finally(() => process.umask(umask));
    expect((await stat(join(path, '..'))).mode & 0o777).toBe(0o750);
    await expect(listen(join(base, 'none/made/a.sock'))).rejects.toMatchObject({ code: 'settings.invalid' });
  });

  it('is refused in a directory that is a link or a file', async () => {
    await symlink(directory, join(base, 'link'));
    await writeFile(join(base, 'file'), '');
    for (const name of ['link', 'file'])
      await expect(listen(join(base, name, 'a.sock'))).rejects.toMatchObject({ code: 'settings.invalid' });
  });

  it('takes the place of one that nobody listens on, never of one in use or of another file', async () => {
    const path = await listen();
    await expect(listen()).rejects.toThrow('listens on');
    const holder = servers.shift() as Server;
    // Closing would remove the path; a daemon that was killed leaves it.
    const left = join(directory, 'left.sock');
    await rename(path, left);
    await new Promise((resolve) => holder.close(resolve));
    await listen(left);
    await writeFile(join(directory, 'file'), 'precious');
    await expect(listen(join(directory, 'file'))).rejects.toThrow('not a socket');
  });
});
