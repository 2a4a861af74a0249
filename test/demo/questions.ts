/**
 * What a tool asks that has one scheduled job which was skipped, one which was killed and one which was renamed in the file. tool-three lives through it
 * while the other scenes play; what it learns is shown at the end.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { kubectl } from '../cluster/cluster.ts';
import { type ArrivedMail, arrivedMails } from '../support/mails.ts';
import { until } from '../support/sandbox.ts';
import { jobs, type Stage } from './stage.ts';
import { expect, note, step } from './telling.ts';

const tool = 'tool-three';
/** A firing comes within a minute, is given up after three quarters of one, and the API server says up to where all is told about once a minute. */
const skipMs = 240_000;

const jobsFile = (image: string, soon: string) => `- name: sync
  command: echo "nothing new"
  image: ${image}
  schedule: "${soon}"
  emails: onfailure
- name: crunch
  command: tail /dev/zero
  image: ${image}
  schedule: "17 4 * * *"
  mem: 100Mi
  emails: onfailure
- name: weekly-cleanup
  command: find cache -mtime +7 -delete
  image: ${image}
  schedule: "@weekly"
`;

/** Once a day, for the first time in one to two minutes. */
function dailyFromSoonOn(): string {
  const soon = new Date(Date.now() + 90_000);
  return `${soon.getUTCMinutes()} ${soon.getUTCHours()} * * *`;
}

/** Resolves to the jobs file when `sync` was skipped for a full quota, and `crunch` killed for memory right after, so that one mail tells of both. */
export async function liveThroughTrouble(stage: Stage): Promise<string> {
  const text = jobsFile(stage.image, dailyFromSoonOn());
  const file = join(stage.homeOf(tool), 'jobs.yaml');
  await writeFile(file, text);
  await setRunsAtOnce(stage, 1);
  await quietly(stage, 'run', 'import', '--image', stage.image, '--command', 'trap exit TERM; sleep 600 & wait');
  await quietly(stage, 'load', file);
  await listUntil(stage, /\bsync\b.*Skipped/, 'sync is skipped');
  await setRunsAtOnce(stage, 10);
  await quietly(stage, 'restart', 'crunch');
  await listUntil(stage, /\bcrunch\b.*failed: out of memory/, 'crunch is killed');
  return text;
}

export async function playQuestions(stage: Stage, trouble: Promise<string>): Promise<void> {
  step('Meanwhile tool-three had a full quota and a job that wants too much memory. Did it run? list says');
  const text = await trouble;
  const list = await jobs(stage, tool, 'list');
  expect(/\bsync\b/.test(list), 'the jobs are listed');

  if (stage.postfix) {
    step('Why not? One mail says both');
    const mail = await until(() => mailOf(stage), 'the mail of tool-three arrives');
    console.log(`To: ${mail.to}\nSubject: ${mail.subject}\n\n${mail.text.trimEnd()}\n`);
    const words = mail.text.replace(/\s+/g, ' ');
    expect(words.includes('leaves no room'), 'it says that the quota was full');
    expect(words.includes('ran out of memory'), 'it says that the memory did not suffice');
  }
  await jobs(stage, tool, 'history', 'sync', '--last', '3');

  step('And what will my change do? One job is renamed in the file, one gets more memory: plan says');
  const file = join(stage.homeOf(tool), 'jobs.yaml');
  await writeFile(file, text.replace('name: weekly-cleanup', 'name: cleanup').replace('100Mi', '256Mi'));
  const plan = await jobs(stage, tool, 'plan', file, '--prune');
  expect(plan.includes('was it renamed?'), 'the renamed job is recognised');
  await quietly(stage, 'flush');
  note('(the jobs of tool-three are removed)');
}

const mailOf = async (stage: Stage): Promise<ArrivedMail | undefined> =>
  stage.postfix &&
  (await arrivedMails(stage.postfix)).find(({ to, text }) => to.includes(tool) && text.includes('sync'));

/** What an operator gives: so many Jobs may be there at once. */
async function setRunsAtOnce({ cluster }: Stage, count: number): Promise<void> {
  const hard = JSON.stringify({ spec: { hard: { 'count/jobs.batch': String(count) } } });
  const namespace = `tool-${tool}`;
  await kubectl(cluster, ['patch', 'resourcequota', namespace, '-n', namespace, '--type=merge', '-p', hard]);
}

async function quietly(stage: Stage, ...args: string[]): Promise<void> {
  const { code, stdout, stderr } = await stage.jobs(tool, ...args);
  expect(code === 0, `${args[0]} of ${tool} ends with 0, not ${code}: ${stdout}${stderr}`);
}

async function listUntil(stage: Stage, pattern: RegExp, what: string): Promise<void> {
  await until(async () => pattern.test((await stage.jobs(tool, 'list')).stdout), what, skipMs);
}
