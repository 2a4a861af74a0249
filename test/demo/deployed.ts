/**
 * The stage of `npm run demo -- --deployed`: the daemon as operators put it up. Pods of our own image with nginx before each, haproxy before the
 * nodes, the command line from its package in a Debian of its own, and an image for jobs that is built, pushed and published while all of it works.
 */
import { execFile } from 'node:child_process';
import { copyFile, mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { buildDebianPackage } from '../../packaging/debian/build.ts';
import { type Cluster, kubectl } from '../cluster/cluster.ts';
import { findBusybox } from '../cluster/packages.ts';
import { prepareBuildah } from '../support/buildah.ts';
import { type DebianRoot, openDebianRoot } from '../support/debian-root.ts';
import { deploy } from '../support/deployed.ts';
import { startHaproxy } from '../support/haproxy.ts';
import { type Postfix, startPostfix } from '../support/postfix.ts';
import { startRegistry } from '../support/registry.ts';
import { repositoryRoot } from '../support/repository-root.ts';
import { createSandbox, freePort, type Sandbox, until } from '../support/sandbox.ts';
import { type Stage, show } from './stage.ts';
import { expect, note, step } from './telling.ts';

const run = promisify(execFile);
const settingsMap = 'jobs-emailer-configmap';
const image = 'bots';
/** On a busybox alone, so that it takes seconds; config/images is a tree as one would really have it. */
const dockerfiles = {
  base: 'FROM scratch\nCOPY busybox /bin/busybox\nRUN ["/bin/busybox", "--install", "-s", "/bin"]\n',
  bots: `ARG REGISTRY\nARG PREFIX\nARG TAG\nFROM \${REGISTRY}/\${PREFIX}-base:\${TAG}\nRUN mkdir -m 1777 /tmp\n`,
};

export interface Ground {
  readonly cluster: Cluster;
  /** Everything of the stage lies below. */
  readonly dir: string;
  /** What ends it, in the order in which it was made. */
  readonly undos: (() => Promise<void>)[];
}

export async function setDeployedStage(ground: Ground): Promise<Stage> {
  const { cluster, dir } = ground;
  const postfix = await startMailServer(ground);
  const { url, caFile } = await putUp(ground, postfix);
  const sandbox = await addTools(ground, { url, caFile });
  const jobs = await installCommandLine(ground, { url, caFile });
  const stage: Stage = {
    ...{ cluster, url, caFile, image, settingsMap, postfix, jobs },
    homeOf: sandbox.homeOf,
    showSettings: () => inPod(cluster, 'settings', 'show'),
  };
  await until(async () => (await jobs('tool-one', 'list')).code === 0, 'the command line is answered');

  step('doctor looks at it, from outside to inside');
  show('toolforge-jobs-admin', ['doctor', '--url', url]);
  const doctor = await sandbox.admin('doctor', '--config', join(dir, 'deployed/jobsd.yaml'));
  note((doctor.stdout + doctor.stderr).trim());
  expect(doctor.code === 0, 'nothing is wrong');

  await makeImage(ground, stage);
  return stage;
}

async function startMailServer({ cluster, dir, undos }: Ground): Promise<Postfix> {
  const domains = ['toolforge.org'];
  const postfix = await startPostfix({ dir: join(dir, 'postfix'), domains, address: cluster.bridgeAddress });
  undos.push(() => postfix.stop());
  return postfix;
}

async function putUp({ cluster, dir, undos }: Ground, postfix: Postfix): Promise<{ url: string; caFile: string }> {
  step('The daemon as pods of the cluster: our own image and manifests, with nginx before it in each pod');
  const mail = { host: 'mx.example.org', address: cluster.bridgeAddress, port: postfix.port };
  const { caFile } = await deploy(cluster, join(dir, 'deployed'), { nginx: true, smtp: { allow: [mail] } });
  const live = {
    send_emails_for_real: 'yes',
    smtp_server_fqdn: mail.host,
    smtp_server_port: String(mail.port),
    // One mail tells of what comes within 20 s; production waits longer.
    mail_first_seconds: '20',
    task_compose_emails_loop_sleep: '1',
  };
  const patch = ['patch', 'configmap', settingsMap, '-n', 'jobs-emailer', '--type', 'merge'];
  await kubectl(cluster, [...patch, '-p', JSON.stringify({ data: live })]);
  note(`$ kubectl get pods -n jobs-api\n${(await kubectl(cluster, ['get', 'pods', '-n', 'jobs-api'])).trim()}`);
  note('one works and is ready, the other stands by');

  step('haproxy before the nodes, as shipped but for their addresses; of three there is one');
  const port = await freePort();
  const nodes = [`${cluster.nodeAddress}:30001`, `127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
  const haproxy = await startHaproxy({ dir: join(dir, 'haproxy'), port, nodes: nodes as [string, string, string] });
  undos.push(() => haproxy.stop());
  const url = `https://127.0.0.1:${port}`;
  note(`users have the API at ${url}: haproxy, the NodePort 30001, nginx, the daemon`);
  return { url, caFile };
}

async function addTools({ cluster, dir }: Ground, at: { url: string; caFile: string }): Promise<Sandbox> {
  step('Three tools, as the account manager of the cluster makes them');
  const sandbox = await createSandbox({ cluster, dir: join(dir, 'tools'), name: 'demo', at });
  for (const tool of ['tool-one', 'tool-two', 'tool-three']) {
    await sandbox.addTool(tool);
    // The settings of the machine are to count.
    await rm(join(sandbox.homeOf(tool), '.toolforge.yaml'));
    note(`${tool}: namespace, rights, quota, home, certificate`);
  }
  return sandbox;
}

async function installCommandLine(
  { cluster, dir, undos }: Ground,
  { url, caFile }: { url: string; caFile: string },
): Promise<Stage['jobs']> {
  step('The command line, from its package, on a machine of users: a Debian of its own, which sees the homes');
  const debian = await openDebianRoot(['nodejs'], note);
  undos.push(() => debian.close());
  const built = await buildDebianPackage({ into: dir });
  const inside = join('/tmp', basename(built));
  await copyFile(built, debian.path(inside));
  show('dpkg', ['--install', basename(built)]);
  await inDebian(debian, 'dpkg', '--install', inside);
  const example = await inDebian(debian, 'cat', '/usr/share/doc/toolforge-jobs/examples/jobs-cli.yaml');
  const authority = '/etc/toolforge/jobs-ca.pem';
  const settings = example.replace(/url: .*/, `url: ${url}`).replace(/# ca_file: .*/, `ca_file: ${authority}`);
  await mkdir(debian.path('/etc/toolforge'));
  await writeFile(debian.path('/etc/toolforge/jobs-cli.yaml'), settings);
  await copyFile(caFile, debian.path(authority));
  await debian.share(cluster.homesBase);
  note(await inDebian(debian, 'sh', '-c', 'toolforge-jobs --version; ls -l /usr/bin/toolforge-jobs'));
  return async (tool, ...words) => {
    const home = join(cluster.homesBase, tool);
    const { uid, gid } = await stat(home);
    return debian.run(['toolforge-jobs', ...words], { user: `${uid}:${gid}`, env: { HOME: home } });
  };
}

async function inDebian(debian: DebianRoot, ...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await debian.run(words);
  expect(code === 0, `${words[0]} ends with 0: ${stderr}`);
  return stdout.trim();
}

/** The operators' command beside the daemon: in the pod that works. */
function inPod(cluster: Cluster, ...words: string[]): Promise<string> {
  const pod = ['exec', '-n', 'jobs-api', 'deploy/jobs-api', '-c', 'jobsd', '--'];
  return kubectl(cluster, [...pod, '/usr/bin/node', '/app/admin.js', ...words]);
}

async function makeImage({ cluster, dir, undos }: Ground, stage: Stage): Promise<void> {
  step('An image for jobs, from its Dockerfiles to the list that users choose from, while all of it works');
  const registry = await startRegistry(cluster, join(dir, 'registry'));
  undos.push(() => registry.stop());
  const tree = join(dir, 'images');
  await mkdir(tree);
  await writeFile(join(tree, 'images.yaml'), `registry: ${registry.host}\n`);
  for (const [name, text] of Object.entries(dockerfiles)) {
    await mkdir(join(tree, name));
    await writeFile(join(tree, name, 'Dockerfile'), text);
  }
  await copyFile(findBusybox() ?? '', join(tree, 'base/busybox'));
  const env = { ...(await prepareBuildah(join(dir, 'buildah'))), KUBECONFIG: cluster.adminKubeconfig };
  const images = async (...words: string[]) => {
    show('toolforge-jobs-admin', ['images', ...words]);
    const options = { env, cwd: dirname(tree), maxBuffer: 64 * 1024 * 1024 };
    const program = join(repositoryRoot, 'dist/admin.js');
    note((await run(process.execPath, [program, 'images', ...words], options)).stdout.trim());
  };
  await images('build', 'images/bots', '--push', '--tag', 'latest', '--quiet');
  const offered = async () => (await stage.jobs('tool-one', 'images')).stdout;
  expect(!(await offered()).includes(registry.host), 'users are not offered it yet');
  await images('publish', image, `${registry.host}/toolforge-bots`);
  const list = await until(async () => {
    const text = await offered();
    return text.includes(registry.host) ? text : undefined;
  }, 'users are offered it');
  note(`$ toolforge-jobs images\n${list.trim()}`);
}
