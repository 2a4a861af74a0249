import {
  chmodSync,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { noMessages, runMain, type Service, startService } from '../scripted-service.ts';

let service: Service;
beforeAll(async () => {
  service = await startService();
});
beforeEach(() => service.script(jobs(job)));
afterAll(() => service.close());

const jobs = (...list: unknown[]) => ({ body: { jobs: list, messages: noMessages } });
const job = { name: 'x', cmd: './x', imagename: 'bookworm', image: 'bookworm', job_type: 'one-off', memory: '512Mi' };
const text = '- command: ./x\n  image: bookworm\n  mem: 512Mi\n  name: x\n';
const dump = (...words: string[]) => runMain(['dump', ...words], { env: service.env });
const inHome = (name: string) => join(service.home, name);

describe('dump', () => {
  it('prints what owners set, as they typed it', async () => {
    expect(await dump()).toMatchObject({ code: 0, stdout: text, stderr: '' });
    expect(service.requests[0]?.path).toBe('/jobs/v1/tool/quick/jobs?include_unset=false&as_typed=true');
    expect(JSON.parse((await dump('-o', 'json')).stdout)).toEqual([
      { command: './x', image: 'bookworm', mem: '512Mi', name: 'x' },
    ]);
  });

  it('writes a file that only its owner reads, and nothing else', async () => {
    const file = inHome('jobs.yaml');
    expect(await dump('-f', file)).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect([readFileSync(file, 'utf8'), statSync(file).mode & 0o777]).toEqual([text, 0o600]);
    chmodSync(file, 0o640);
    await dump('--to-file', file);
    expect(statSync(file).mode & 0o777).toBe(0o640);
    expect(readdirSync(service.home).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('leaves a link where it is', async () => {
    const [real, link] = [inHome('real.yaml'), inHome('link.yaml')];
    writeFileSync(real, 'old');
    symlinkSync(real, link);
    await dump('-f', link);
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(readFileSync(real, 'utf8')).toBe(text);
    rmSync(link);
  });

  it('says what it cannot write', async () => {
    expect(await dump('-f', '/nowhere/x.yaml')).toMatchObject({
      code: 1,
      stderr: 'ERROR: The file /nowhere/x.yaml cannot be written (ENOENT). (TJF-V021)\n',
    });
  });

  it('makes no file of nothing', async () => {
    service.script(jobs());
    expect(await dump()).toMatchObject({ code: 0, stdout: '', stderr: 'WARNING: no jobs defined\n' });
    const file = inHome('none.yaml');
    const { stderr } = await dump('-f', file);
    expect(stderr).toBe(`WARNING: no jobs defined, file ${file} will not be created\n`);
    expect(existsSync(file)).toBe(false);
  });

  it('says what it has no key for', async () => {
    service.script(jobs({ ...job, novel: 1 }));
    expect(await dump()).toMatchObject({
      stdout: text,
      stderr: "WARNING: unexpected key 'novel' in job, omitting it from dump\n",
    });
  });
});
