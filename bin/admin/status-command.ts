/** `status`: how a running daemon is, what needs somebody first. */
import type { Status } from '../../src/status.ts';
import { simpleTable } from '../terminal/table.ts';
import { visibleText } from '../terminal/terminal.ts';

export interface StatusContext {
  ask(method: 'GET', path: string): Promise<unknown>;
  print(value: unknown, text: string): void;
}

/** @returns whether all is well @throws AppError `service.unreachable` */
export async function runStatus({ ask, print }: StatusContext): Promise<boolean> {
  const status = (await ask('GET', '/status')) as Status;
  print(status, [...headOf(status), '', tableOf(status)].join('\n'));
  return status.problems.length === 0;
}

function headOf({ problems }: Status): string[] {
  if (problems.length === 0) return ['All is well.'];
  return [
    problems.length === 1 ? 'One thing needs somebody:' : `${problems.length} things need somebody:`,
    ...problems.map((problem) => visibleText(`- ${problem}`)),
  ];
}

function tableOf(status: Status): string {
  const { view, mail, webhooks, checkpoint, homes, usage, disk } = status;
  const certificates = Object.entries(status.certificates).map(([name, days]) => `${name} ${Math.floor(days)} d`);
  const rows: [string, string][] = [
    ['Version', `${status.version}, since ${status.started.slice(0, 16).replace('T', ' ')} UTC`],
    ['Leader', status.leader === null ? 'this process, the only one' : `this process, ${status.leader}`],
    ['Cluster', `${view.live ? 'connected' : 'cut off'}, seen ${view.age_seconds} s ago`],
    ['Jobs', `${status.jobs}, ${status.streams} logs and events followed`],
    [
      'Mail',
      mail ? `${mail.gathered} events gathered, ${mail.sealed} mails under way, ${mail.parked} given up` : 'not begun',
    ],
    [
      'Webhooks',
      webhooks
        ? `${webhooks.set} set, ${webhooks.failing} take nothing, ${(webhooks.gathered ?? 0) + (webhooks.sealed ?? 0)} events wait`
        : 'not begun',
    ],
    ['Durable', checkpoint.age_seconds === null ? 'nothing yet' : `up to ${checkpoint.age_seconds} s ago`],
    ['Unknown times', String(checkpoint.gaps)],
    ['Homes', `${homes.running} readers, ${homes.stuck} hang`],
    ['Use of jobs', usageWords(usage)],
    ['Settings', mapWords(status.settings)],
    ['Images', mapWords(status.images)],
    ['Certificates', certificates.join(', ')],
    ['Disk', disk ? `${disk.free_mib} MiB free` : 'unknown'],
  ];
  return simpleTable(['What', 'How it is'], rows);
}

/** Why nothing is measured is no more than said: jobs run all the same. */
function usageWords({ source, running, age_seconds: age, problem }: Status['usage']): string {
  if (source === 'off') return 'not measured: usage_every_seconds is 0';
  if (source === 'nobody') return `not measured: ${problem}`;
  if (age === null) return problem === '' ? 'nothing to measure yet' : problem;
  return `${running} run, asked of ${source === 'metrics' ? 'the metrics API' : 'their nodes'} ${age} s ago`;
}

function mapWords({ version, is_current: isCurrent }: Status['settings']): string {
  return `version ${version ?? 'none'}, ${isCurrent ? 'that of the cluster' : 'not that of the cluster: see above'}`;
}
