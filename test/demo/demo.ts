/**
 * `npm run demo`: from a bare machine to jobs that really run, told step by step. Ends with exit 0 and a clean machine;
 * `-- --keep` leaves everything up and prints how to use it; `-- --kubeconfig FILE` uses a cluster that is there already;
 * `-- --deployed` plays it with the daemon in pods, as operators put it up (deployed.ts).
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Cluster, down, up } from '../cluster/cluster.ts';
import { type Postfix, startPostfix } from '../support/postfix.ts';
import { createSandbox, type Sandbox } from '../support/sandbox.ts';
import { setDeployedStage } from './deployed.ts';
import { playScenes } from './scenes.ts';
import { note, step } from './telling.ts';

const { values: flags } = parseArgs({
  options: {
    keep: { type: 'boolean', default: false },
    kubeconfig: { type: 'string' },
    deployed: { type: 'boolean', default: false },
  },
});
const started = Date.now();
const undos: (() => Promise<void>)[] = [];

process.exitCode = await main().then(
  () => 0,
  (error: unknown) => {
    console.error(
      `\nThe demo did not go as it should: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    );
    return 1;
  },
);

async function main(): Promise<void> {
  let interrupted = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      interrupted = true;
      void cleanUp().finally(() => process.exit(130));
    });
  }
  try {
    await play();
  } finally {
    if (!flags.keep && !interrupted) await cleanUp();
  }
}

async function play(): Promise<void> {
  if (flags.deployed && (flags.keep || flags.kubeconfig !== undefined))
    throw new Error(
      '--deployed has a cluster of its own and leaves nothing; `npm run deploy:sandbox` makes one that stays.',
    );
  step('A real Kubernetes');
  const { cluster, stateDir } = await startCluster();
  note(`Kubernetes ${cluster.version} answers at ${cluster.server}`);
  if (flags.deployed) {
    const dir = join(stateDir, 'demo');
    await mkdir(dir);
    await playScenes(await setDeployedStage({ cluster, dir, undos }));
  } else await playBeside(cluster, stateDir);
  if (!flags.keep) note(`\nDone in ${Math.round((Date.now() - started) / 1000)} s. Cleaning up.`);
}

/** The daemon as a process of this machine, beside the cluster. */
async function playBeside(cluster: Cluster, stateDir: string): Promise<void> {
  step('Three tools, as the account manager of the cluster makes them');
  const postfix = await startMailServer(join(stateDir, 'postfix'));
  const sandbox = await createSandbox({
    cluster,
    dir: join(stateDir, 'demo'),
    name: 'demo',
    // One mail tells of what comes within 20 s; production waits longer.
    settings: { mail_first_seconds: '20', task_compose_emails_loop_sleep: '1' },
    ...(postfix ? { smtp: { allow: [{ host: 'mx.example.org', address: '127.0.0.1', port: postfix.port }] } } : {}),
  });
  for (const tool of ['tool-one', 'tool-two', 'tool-three']) {
    await sandbox.addTool(tool);
    undos.push(async () => void (await sandbox.admin('tool', 'remove', tool, '--yes', '--delete-home')));
    note(`${tool}: namespace, rights, quota, home, certificate`);
  }

  step('The daemon');
  await sandbox.start();
  undos.push(async () => void (await sandbox.stop()));
  note(`ready at ${sandbox.url}, each request with the certificate of a tool`);

  const showSettings = async () => (await sandbox.admin('settings', 'show')).stdout;
  await playScenes({ ...sandbox, image: 'bookworm', settingsMap: 'demo', postfix, showSettings });
  if (flags.keep) explainKept(sandbox, stateDir, postfix);
}

async function startCluster(): Promise<{ cluster: Cluster; stateDir: string }> {
  const stateDir = flags.keep
    ? join(homedir(), '.local/state/toolforge-jobs/demo')
    : await mkdtemp(join(tmpdir(), 'toolforge-jobs-demo-'));
  if (!flags.keep) undos.push(() => rm(stateDir, { recursive: true, force: true }));
  const cluster = await up({
    stateDir,
    onProgress: note,
    ...(flags.kubeconfig ? { kubeconfig: flags.kubeconfig } : {}),
  });
  if (cluster.owned) undos.push(() => down(stateDir, note));
  return { cluster, stateDir };
}

/** A real one, which delivers into a directory; it needs root, as the cluster does. */
async function startMailServer(dir: string): Promise<Postfix | undefined> {
  if (process.getuid?.() !== 0) {
    note('without root there is no mail server here: mail is composed and recorded, and not sent');
    return undefined;
  }
  const postfix = await startPostfix({ dir, domains: ['toolforge.org'] });
  undos.push(() => postfix.stop());
  note(`Postfix takes mail at 127.0.0.1:${postfix.port}`);
  return postfix;
}

async function cleanUp(): Promise<void> {
  for (const undo of undos.splice(0).reverse()) {
    await undo().catch((error: unknown) =>
      console.error(`clean-up: ${error instanceof Error ? error.message : String(error)}`),
    );
  }
}

function explainKept(sandbox: Sandbox, stateDir: string, postfix: Postfix | undefined): void {
  const home = sandbox.homeOf('tool-one');
  console.log(`
Everything is left running. To use it as tool-one:

  export HOME=${home} KUBECONFIG=${home}/.kube/config
  node dist/jobs.js list

To end it:

  kill ${sandbox.pid()}    # the daemon; its log: ${sandbox.logFile}
  ${postfix ? `kill ${postfix.pid}    # the mail server; mail: ${join(stateDir, 'postfix/mail/all/new')}` : ''}
  npm run cluster -- down --state ${stateDir}`);
}
