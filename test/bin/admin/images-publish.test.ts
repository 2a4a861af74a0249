import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accountAt, accountFiles, type RegistryAccount } from '../../../bin/admin/images-account.ts';
import { type Publication, publishInto } from '../../../bin/admin/images-list-edit.ts';
import { publishImage } from '../../../bin/admin/images-publish.ts';
import { findInRegistry } from '../../../bin/admin/images-registry.ts';
import { AppError } from '../../../src/errors.ts';
import { parseImageConfig } from '../../../src/images.ts';
import type { Kube } from '../../../src/kube.ts';
import { createScriptedKube } from '../../support/scripted-kube.ts';

const text = `# Kept by the operators.
bookworm:
  state: stable
  aliases:
    - tf-bookworm # from before
  image: r.example.org/toolforge-bookworm-web
  variants:
    jobs-framework:
      image: r.example.org/toolforge-bookworm
bullseye:
  state: deprecated
  variants:
    jobs-framework:
      image: r.example.org/toolforge-bullseye
`;

const address = 'r.example.org/toolforge-x:latest';
const publish = (change: Partial<Publication>, before = text) => publishInto(before, { name: 'x', address, ...change });
const urlOf = (after: string, name: string) => parseImageConfig(after).find(name)?.url;

describe('an edit of the list of images', () => {
  it('adds an image that both generations of services find, and leaves every other line as it is', () => {
    const after = publish({ aliases: ['tf-x'] });
    expect(after.startsWith(text)).toBe(true);
    expect(urlOf(after, 'tf-x')).toBe(address);
    // They add the tag themselves.
    expect(after.slice(text.length)).toContain('image: r.example.org/toolforge-x\n');
    expect(after.slice(text.length)).toContain('jobs-framework:\n      image: r.example.org/toolforge-x\n');
  });

  it('moves a name to another address, in the place that counts', () => {
    const web = publish({ name: 'bookworm', address: 'r.example.org/new:testing' });
    expect(web).toBe(text.replace('toolforge-bookworm-web', 'new:testing'));
    const variant = publish({ name: 'bullseye', address: 'r.example.org/new:testing', state: 'stable' });
    expect(variant).toBe(text.replace('toolforge-bullseye', 'new:testing').replace('deprecated', 'stable'));
  });

  it('changes nothing where it is so already', () => {
    const same = { name: 'bookworm', address: 'r.example.org/toolforge-bookworm-web:latest' };
    expect(publish(same)).toBe(text);
    expect(publish(same, text.replaceAll('    - tf', '      -   tf'))).toContain('      -   tf');
  });

  it.each<[string, Partial<Publication>, string, string?]>([
    ['a name that is an alias already', { name: 'tf-bookworm' }, "'tf-bookworm' is another name of 'bookworm' already"],
    ['an alias that is a name already', { aliases: ['bullseye'] }, "'bullseye' stands for 'bullseye' there"],
    ['a name that is none', { name: 'a b' }, 'the name must be letters'],
    ['an alias that is none', { aliases: ['a b'] }, 'aliases must be a list of names'],
    ['the form of 2022', {}, 'it has the form of 2022', '- { shortname: a, image: b }'],
    ['a list that is broken already', {}, 'state must be', 'a: { image: b }'],
  ])('is refused for %s', (_, change, words, before) => {
    const edit = () => publish(change, before);
    expect(edit).toThrow(words);
    expect(edit).toThrow(AppError);
  });
});

describe('whether a registry has an image', () => {
  const digest = `sha256:${'1'.repeat(64)}`;
  const asked: string[] = [];
  let server: Server;
  let host: string;
  beforeAll(async () => {
    server = createServer((request, response) => {
      const { method, url = '', headers } = request;
      asked.push(`${method} ${url}`);
      const { pathname } = new URL(url, 'http://registry');
      const [, , name = ''] = pathname.split('/');
      const { authorization } = headers;
      const who = authorization === ours.authorization ? 'for-us' : 'for-strangers';
      if (pathname === '/token') return void response.end(`{"token":"${who}"}`);
      const wanted = { token: 'Bearer for-strangers', 'closed-token': 'Bearer for-us', closed: ours.authorization }[
        name
      ];
      const isKnown = name === 'there' || (wanted !== undefined && authorization === wanted);
      const realm = name === 'away' ? 'http://192.0.2.1/token' : name.endsWith('token') ? `http://${host}/token` : '';
      const challenge =
        realm === ''
          ? 'Basic realm="registry"'
          : `Bearer realm="${realm}",service="registry",scope="repository:${name}:pull"`;
      const status = isKnown ? 200 : name === 'gone' ? 404 : name === 'elsewhere' ? 302 : 401;
      response.writeHead(status, {
        'docker-content-digest': digest,
        location: '/v2/there/manifests/latest',
        'www-authenticate': challenge,
      });
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => void server.close());

  const ours = { authorization: 'Basic b3BlcmF0b3I6cDpz', file: '/run/auth.json' };
  const access = (account?: RegistryAccount) => ({ ca: undefined, account: async () => account });
  const found = (reference: string, account?: RegistryAccount) =>
    findInRegistry(reference, access(account)).catch((error: AppError) => `${error.code}: ${error.message}`);
  const isPublic = true;

  it('is asked by its tag, or its digest, with a HEAD', async () => {
    expect(await found(`${host}/there`)).toEqual({ digest, isPublic });
    expect(await found(`${host}/there:testing`)).toEqual({ digest, isPublic });
    expect(await found(`${host}/there@${digest}`)).toEqual({ digest, isPublic });
    expect(asked.slice(-3)).toEqual(['latest', 'testing', digest].map((end) => `HEAD /v2/there/manifests/${end}`));
  });

  it('is asked with the token that strangers get, where there is one', async () => {
    expect(await found(`${host}/token`)).toEqual({ digest, isPublic });
    expect(asked.slice(-3)).toEqual([
      'HEAD /v2/token/manifests/latest',
      'GET /token?service=registry&scope=repository%3Atoken%3Apull',
      'HEAD /v2/token/manifests/latest',
    ]);
  });

  it('is not asked for elsewhere, where nobody could say who answers', async () => {
    expect(await found(`${host}/away`)).toContain('to nobody without credentials');
    expect(asked.at(-1)).toBe('HEAD /v2/away/manifests/latest');
  });

  it('is asked with the account of this user where strangers are refused, and only there', async () => {
    const unused = { authorization: 'Basic bm90OnNob3du', file: '/run/auth.json' };
    expect(await found(`${host}/there`, unused)).toEqual({ digest, isPublic });
    expect(await found(`${host}/closed`, ours)).toEqual({ digest, isPublic: false });
    expect(await found(`${host}/closed-token`, ours)).toEqual({ digest, isPublic: false });
    const refused = `does not show closed to the account that ${unused.file} has for it.`;
    expect(await found(`${host}/closed`, unused)).toContain(refused);
    expect(await found(`${host}/closed`)).toContain(`none are kept here ('buildah login ${host}' keeps them)`);
  });

  it('is told from a registry that cannot be asked', async () => {
    expect(await found(`${host}/gone:1`)).toBe(
      `image.not_in_registry: The registry ${host} has no gone:1. Push it first.`,
    );
    expect(await found(`${host}/private`)).toContain('registry.unavailable: The registry');
    expect(await found(`${host}/elsewhere`)).toContain('answered 302');
    expect(await found('127.0.0.1:1/a')).toBe('registry.unavailable: The registry 127.0.0.1:1 does not answer.');
  });

  describe('comes before its publication, which', () => {
    const where = { namespace: 'tf-public', name: 'image-config', key: 'images-v1.yaml' };
    const mapOf = (resourceVersion: string, list = text) => ({
      metadata: { resourceVersion },
      data: { 'images-v1.yaml': list },
    });
    const begin = (name = 'x', from = `${host}/there`) => {
      const kube = createScriptedKube();
      const done = publishImage(kube as unknown as Kube, where, { name, address: from }, access());
      return { kube, done, outcome: done.catch((error: AppError) => error.code) };
    };

    it('is written for the version that was read, and made anew of what somebody else wrote meanwhile', async () => {
      const { kube, done } = begin();
      (await kube.nextRequest()).answer(mapOf('7'));
      const first = await kube.nextRequest();
      expect(first.request).toMatchObject({ method: 'PATCH', body: { metadata: { resourceVersion: '7' } } });
      first.fail(new AppError('kube.conflict', 'Somebody was faster.'));
      const theirs = `${text}theirs:\n  state: stable\n  image: r.example.org/theirs\n`;
      (await kube.nextRequest()).answer(mapOf('8', theirs));
      const second = await kube.nextRequest();
      const { metadata, data } = second.request.body as ReturnType<typeof mapOf>;
      expect(metadata.resourceVersion).toBe('8');
      expect(data['images-v1.yaml'].startsWith(theirs)).toBe(true);
      second.answer(mapOf('9'));
      expect(await done).toEqual({
        name: 'x',
        address: `${host}/there`,
        digest,
        isPublic,
        changed: true,
        version: '9',
      });
    });

    it('is not written where it changes nothing', async () => {
      const { kube, done } = begin('y');
      const list = `${text}y:\n  state: stable\n  image: ${host}/there\n`;
      (await kube.nextRequest()).answer(mapOf('7', list));
      expect(await done).toMatchObject({ changed: false, version: '7' });
      expect(kube.waitingRequests).toBe(0);
    });

    it('is given up at any other failure', async () => {
      const { kube, outcome } = begin();
      (await kube.nextRequest()).answer(mapOf('7'));
      (await kube.nextRequest()).fail(new AppError('kube.state_unknown', 'No answer.'));
      expect(await outcome).toBe('kube.state_unknown');
      expect(kube.waitingRequests).toBe(0);
    });

    it('needs a list to edit, and an image to publish', async () => {
      const { kube, outcome } = begin();
      (await kube.nextRequest()).answer({ metadata: { resourceVersion: '7' }, data: {} });
      expect(await outcome).toBe('settings.invalid');
      const other = begin('x', `${host}/gone`);
      expect(await other.outcome).toBe('image.not_in_registry');
      expect(other.kube.waitingRequests).toBe(0);
    });
  });
});

describe('the account at a registry', () => {
  const basic = (text: string) => Buffer.from(text).toString('base64');
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'accounts-'));
  });
  afterAll(() => rm(directory, { recursive: true }));

  const write = async (name: string, auths: Record<string, object>) => {
    const file = join(directory, name);
    await writeFile(file, JSON.stringify({ auths }));
    return file;
  };
  const user = async (reference: string, ...files: string[]) => {
    const { authorization = '', file } = (await accountAt(reference, files)) ?? {};
    return file && [Buffer.from(authorization.slice('Basic '.length), 'base64').toString(), file];
  };

  it('is the one of the most specific name, in the first file that has any', async () => {
    const login = await write('login.json', {
      'r.example.org': { auth: basic('all:1') },
      'r.example.org/team': { auth: basic('team:2:3') },
      'r.example.org/team/x': {},
    });
    const docker = await write('docker.json', {
      'r.example.org': { auth: basic('late:4') },
      'https://old.example.org/v1/': { auth: basic('old:5') },
    });
    const files = [join(directory, 'absent.json'), login, docker];
    expect(await user('r.example.org/a:1', ...files)).toEqual(['all:1', login]);
    expect(await user('r.example.org/team/x:1', ...files)).toEqual(['team:2:3', login]);
    expect(await user('r.example.org/teams/x', ...files)).toEqual(['all:1', login]);
    expect(await user('old.example.org/x', ...files)).toEqual(['old:5', docker]);
    expect(await user('other.example.org/x', ...files)).toBeUndefined();
  });

  it('is looked for where the builders keep it', () => {
    const env = { HOME: '/h', XDG_RUNTIME_DIR: '/run/user/7' };
    expect(accountFiles(env, 7)).toEqual([
      '/run/user/7/containers/auth.json',
      '/h/.config/containers/auth.json',
      '/h/.docker/config.json',
    ]);
    const others = { XDG_CONFIG_HOME: '/c', DOCKER_CONFIG: '/d' };
    expect(accountFiles(others, 0)).toEqual([
      '/run/containers/0/auth.json',
      '/c/containers/auth.json',
      '/d/config.json',
    ]);
    expect(accountFiles({ ...env, REGISTRY_AUTH_FILE: '/a' }, 7)).toEqual(['/a']);
  });

  it('is not guessed from a file that is none, whose text is not repeated', async () => {
    const file = join(directory, 'broken.json');
    await writeFile(file, '{"auths": secret');
    await expect(accountAt('r.example.org/a', [file])).rejects.toThrow(
      new AppError('settings.invalid', `The accounts of registries in ${file} are no JSON.`),
    );
    const odd = await write('odd.json', { 'r.example.org': { auth: basic('nobody') } });
    await expect(accountAt('r.example.org/a', [odd])).rejects.toThrow(`In ${odd}, 'auth' of 'r.example.org' is no`);
    await expect(accountAt('r.example.org/a', [directory])).rejects.toThrow('cannot be read');
  });
});
