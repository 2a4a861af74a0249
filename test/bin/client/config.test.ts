import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readConfig } from '../../../bin/client/config.ts';
import { kubeconfig, makeHome } from '../scripted-service.ts';

const parts = { url: 'https://gateway:1', ca: 'CLUSTER CA', cert: 'CERT', key: 'KEY' };
let home: string;
const put = (path: string, text: string) => writeFileSync(join(home, path), text);

beforeEach(() => {
  home = makeHome(parts);
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

describe('the settings of the command line', () => {
  it('come from the home, with the certificate the kubeconfig names', async () => {
    const config = await readConfig({ HOME: home });
    expect(config).toMatchObject({ baseUrl: 'https://gateway:1/jobs/v1/tool/quick', tool: 'quick', timeoutMs: 60_000 });
    expect([config.cert, config.key, config.ca].map(String)).toEqual(['CERT', 'KEY', 'CLUSTER CA']);
  });

  it('are all optional but the kubeconfig', async () => {
    rmSync(join(home, '.toolforge.yaml'));
    const { baseUrl } = await readConfig({ HOME: home });
    expect(baseUrl).toBe('https://api.svc.tools.eqiad1.wikimedia.cloud:30003/jobs/v1/tool/quick');
  });

  it('are replaced section by section by later files', async () => {
    const xdg = mkdtempSync(join(home, 'xdg-'));
    mkdirSync(join(home, '.config'));
    put('.toolforge.yaml', 'api_gateway: {url: "https://one"}\njobs:\n  timeout: 5\n  jobs_endpoint: /one/\n');
    put('.config/toolforge.yaml', 'jobs:\n  timeout: 6\n');
    writeFileSync(join(xdg, 'toolforge.yaml'), 'api_gateway:\n  url: https://three/\n');
    const config = await readConfig({ HOME: home, XDG_CONFIG_HOME: xdg });
    expect(config).toMatchObject({ baseUrl: 'https://three/jobs/v1/tool/quick', timeoutMs: 6_000 });
  });

  it('take the address from the environment before any file', async () => {
    const { baseUrl } = await readConfig({ HOME: home, TOOL_TOOLFORGE_API_URL: 'https://env:2/' });
    expect(baseUrl).toBe('https://env:2/jobs/v1/tool/quick');
  });

  it('read the file of --cfg last, also in the form of the first clients', async () => {
    put('kubeconfig', kubeconfig('OTHER').replaceAll('../.toolskube', join(home, '.toolskube')));
    put('cfg', `api_url: https://old:30001/api/v1\nkubeconfig: ${join(home, 'kubeconfig')}\n`);
    rmSync(join(home, '.toolforge.yaml'));
    const config = await readConfig({ HOME: home }, join(home, 'cfg'));
    expect(config.baseUrl).toBe('https://old:30001/jobs/v1/tool/quick');
    expect(String(config.ca)).toBe('OTHER');
  });

  it('lead to an address of their own where the first clients were told one', async () => {
    const read = (text: string) => {
      put('cfg', `api_url: https://old:30001/api/v1\n${text}`);
      return readConfig({ HOME: home, TOOL_TOOLFORGE_API_URL: 'https://old:30001' }, join(home, 'cfg'));
    };
    expect((await read('customaddr: 127.0.0.1\ncustomfqdn: old\n')).address).toBe('127.0.0.1');
    expect((await read('customaddr: 127.0.0.1\ncustomfqdn: other\n')).address).toBeUndefined();
    expect((await read('')).address).toBeUndefined();
    await expect(read('customaddr: nearby\ncustomfqdn: old\n')).rejects.toThrow(
      "must be an IP address; 'nearby' is not",
    );
  });

  it('verify the service with jobs.ca_file before the authority of the kubeconfig', async () => {
    put('ca.pem', 'OWN CA');
    put('.toolforge.yaml', `jobs:\n  ca_file: ${join(home, 'ca.pem')}\n`);
    expect(String((await readConfig({ HOME: home })).ca)).toBe('OWN CA');
  });

  it('trust what the system trusts where nothing else is said', async () => {
    put('.kube/config', kubeconfig('').replace(/ +certificate-authority-data.*\n/, ''));
    expect((await readConfig({ HOME: home })).ca).toBeUndefined();
  });

  it('read kubeconfigs as JSON, as other YAML, and from where KUBECONFIG says', async () => {
    const kube = {
      'current-context': 'c',
      contexts: [{ name: 'b' }, { name: 'c', context: { namespace: 'tool-other', user: 'u', cluster: 'k' } }],
      users: [{ name: 'u', user: { 'client-certificate-data': 'Q0VSVA==', 'client-key-data': 'S0VZ' } }],
      clusters: [{ name: 'k', cluster: {} }],
    };
    put('other', JSON.stringify(kube));
    const config = await readConfig({ HOME: home, KUBECONFIG: join(home, 'other') });
    expect([config.namespace, String(config.cert), String(config.key)]).toEqual(['tool-other', 'CERT', 'KEY']);
    put('.kube/config', `---\n${kubeconfig('X').replaceAll('"', "'")}`);
    expect((await readConfig({ HOME: home })).tool).toBe('quick');
  });

  it.each([
    ['.toolforge.yaml', 'a: [', 'Unable to parse config file'],
    ['.toolforge.yaml', '- a\n', 'Unable to parse config file'],
    ['.toolforge.yaml', 'api_gateway:\n  url: http://plain\n', "must begin with https://; 'http://plain' does not"],
    ['.toolforge.yaml', 'api_gateway:\n  url: nonsense\n', 'must begin with https://'],
    ['.toolforge.yaml', 'jobs:\n  timeout: soon\n', 'jobs.timeout must be a number of seconds'],
    ['.toolforge.yaml', 'jobs:\n  timeout: 0\n', 'jobs.timeout must be a number of seconds'],
    ['.toolforge.yaml', 'jobs:\n  timeout: 100000\n', 'jobs.timeout must be a number of seconds'],
    ['.toolforge.yaml', 'jobs:\n  ca_file: /nowhere\n', 'The file /nowhere (jobs.ca_file) cannot be read.'],
    ['.kube/config', kubeconfig('X', 'default'), "did you forget to run 'become <mytool>'?"],
    ['.kube/config', kubeconfig('X', 'tool-..'), "did you forget to run 'become <mytool>'?"],
    ['.kube/config', kubeconfig('X', 'tool-a/jobs/x'), "did you forget to run 'become <mytool>'?"],
    ['.kube/config', kubeconfig('X').replace('client.key', 'gone.key'), 'gone.key (client-key in'],
    ['.kube/config', kubeconfig('X').replace(/.*client-key.*\n/, ''), 'names no client certificate with its key.'],
    ['.kube/config', '', "did you forget to run 'become <mytool>'?"],
  ])('that are wrong are named: %s with %j', async (file, text, message) => {
    put(file, text);
    await expect(readConfig({ HOME: home })).rejects.toThrow(
      expect.objectContaining({ code: 'settings.invalid', message: expect.stringContaining(message) }),
    );
  });

  it('say what to do where there is no kubeconfig, or no file of --cfg', async () => {
    await expect(readConfig({ HOME: join(home, 'nowhere') })).rejects.toThrow(
      "did you forget to run 'become <mytool>'?",
    );
    await expect(readConfig({ HOME: home }, join(home, 'nowhere'))).rejects.toThrow('(--cfg) cannot be read.');
  });

  it('name a file that cannot be read', async () => {
    rmSync(join(home, '.toolforge.yaml'), { force: true });
    mkdirSync(join(home, '.toolforge.yaml'));
    await expect(readConfig({ HOME: home })).rejects.toThrow('.toolforge.yaml cannot be read.');
  });
});
