/**
 * Processes that outlive their starter. Each carries an environment variable with the cluster's state directory, so that it is found
 * again even when its starter died before its pid was written down. Nothing is ever ended by its name.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { pathWithSbin, waitFor } from './run.ts';

export const markerVariable = 'TOOLFORGE_JOBS_CLUSTER';

export interface Part {
  readonly name: string;
  readonly pid: number;
  /** Boot and clock tick in which the process began: a reused pid has another one. */
  readonly born: string;
  readonly log: string;
}

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
}

/** When the process began, or undefined when it is gone or a zombie. `/proc/PID/stat` field 22, proc(5). */
export function birthOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command name may hold blanks and brackets: fields are counted from the last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}/${fields[19]}`;
  } catch {
    return undefined;
  }
}

export function isAlive(part: Pick<Part, 'pid' | 'born'>): boolean {
  return birthOf(part.pid) === part.born;
}

/** Starts a detached process in its own session, its output in `log`. @throws Error when the file cannot be run */
export function startPart(name: string, command: Command, log: string, marker: string): Part {
  const out = openSync(log, 'a');
  try {
    const child = spawn(command.file, command.args, {
      detached: true,
      cwd: '/',
      stdio: ['ignore', out, out],
      env: { PATH: pathWithSbin(), HOME: process.env.HOME ?? '/root', LANG: 'C', [markerVariable]: marker },
    });
    child.on('error', () => {});
    child.unref();
    const born = child.pid === undefined ? undefined : birthOf(child.pid);
    if (child.pid === undefined || born === undefined)
      throw new Error(`${name} did not start: ${command.file}, log ${log}`);
    return { name, pid: child.pid, born, log };
  } finally {
    closeSync(out);
  }
}

/** Direct children of a process. */
export function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return text === '' ? [] : text.split(' ').map(Number);
  } catch {
    return [];
  }
}

/** Every living process that carries the marker, whoever recorded it. */
export function findMarked(marker: string): number[] {
  const wanted = `${markerVariable}=${marker}`;
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && environmentOf(pid).includes(wanted));
}

function environmentOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

/** Resident memory of a process and its direct children: a part in the node's namespaces is the child of its nsenter. */
export function residentBytes(pid: number): number {
  return [pid, ...childrenOf(pid)].reduce((sum, each) => sum + ownResidentBytes(each), 0);
}

function ownResidentBytes(pid: number): number {
  try {
    const kib = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return Number(kib ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** Sends the signal and waits for the end; SIGKILL follows after `graceMs`. */
export async function endPart(part: Part, signal: 'SIGTERM' | 'SIGKILL', graceMs = 20_000): Promise<void> {
  if (!isAlive(part)) return;
  signalPid(part.pid, signal);
  const gone = () => (isAlive(part) ? undefined : true);
  try {
    await waitFor(`the end of ${part.name}`, graceMs, gone, 20);
  } catch {
    signalPid(part.pid, 'SIGKILL');
    await waitFor(`the end of ${part.name} after SIGKILL`, 10_000, gone, 20);
  }
}

/** A process that has gone in the meantime is no error. */
export function signalPid(pid: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
