/** Removes a cluster from what is recorded and what carries its mark; works after its starter was killed, and does no harm twice. */
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { removeCgroups } from './cgroups.ts';
import { addressesOf, linkExists } from './network.ts';
import { findMarked, isAlive, signalPid } from './processes.ts';
import { type Progress, step } from './progress.ts';
import { run, waitFor } from './run.ts';
import { cgroupOf, outsideHomes, readState, type State } from './state.ts';

export interface TearDownOptions {
  /** The logs of a start that failed are kept for a look. */
  readonly keepLogs?: boolean;
}

export async function tearDown(stateDir: string, progress: Progress, options: TearDownOptions = {}): Promise<void> {
  const state = readState(stateDir);
  if (state === undefined && findMarked(stateDir).length === 0) {
    progress(`no cluster in ${stateDir}`);
    return;
  }
  await step(progress, `taking the cluster in ${stateDir} down`, 3_000, async () => {
    await endProcesses(stateDir, state);
    if (state !== undefined && state.block > 0) await waitForLink(addressesOf(state.block).link);
    await removeCgroups(cgroupOf(stateDir));
    await removeDirectories(stateDir, options.keepLogs ?? false);
  });
}

/**
 * All at once and without asking: what is stored is about to be removed. Containers do not carry the mark, but the node's first process
 * ends them with it, and is itself gone only when the last of them is (pid_namespaces(7)).
 */
async function endProcesses(stateDir: string, state: State | undefined): Promise<void> {
  const init = state?.nodeInit;
  if (init !== undefined && isAlive(init)) {
    signalPid(init.pid, 'SIGKILL');
    await waitFor('the end of the node', 30_000, () => (isAlive(init) ? undefined : true), 20);
  }
  await waitFor('the end of all processes of the cluster', 30_000, () => {
    const left = findMarked(stateDir);
    for (const pid of left) signalPid(pid, 'SIGKILL');
    return left.length === 0 ? true : undefined;
  });
}

/** The kernel removes a network namespace a moment after its last process. */
async function waitForLink(link: string): Promise<void> {
  await waitFor(
    `the end of the network ${link}`,
    30_000,
    async () => ((await linkExists(link)) ? undefined : true),
    20,
  );
}

/** Whatever a test mounted below our directories is unmounted first: removing must never reach into it. */
async function removeDirectories(stateDir: string, keepLogs: boolean): Promise<void> {
  const homes = dirname(outsideHomes(stateDir));
  for (const mount of mountsBelow([stateDir, homes])) await run('umount', ['--lazy', mount]);
  rmSync(homes, { recursive: true, force: true });
  if (!keepLogs) {
    rmSync(stateDir, { recursive: true, force: true });
    return;
  }
  for (const name of readdirSync(stateDir).filter((each) => each !== 'logs'))
    rmSync(join(stateDir, name), { recursive: true, force: true });
}

/** Mount points at or below the directories, the latest first: /proc/PID/mountinfo, field 5, proc(5). */
function mountsBelow(directories: readonly string[]): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .trim()
    .split('\n')
    .map((line) =>
      (line.split(' ')[4] ?? '').replace(/\\(\d{3})/g, (_, code: string) =>
        String.fromCharCode(Number.parseInt(code, 8)),
      ),
    )
    .filter((mount) => directories.some((directory) => mount === directory || mount.startsWith(`${directory}/`)))
    .reverse();
}
