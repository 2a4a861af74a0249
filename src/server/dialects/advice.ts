/** Advice as the canonical dialect shows it, and in words for its reader and for whoever decides about quotas. Pure. */
import type { JobType } from '../../domain.ts';
import { type Advice, cpuText, memoryText } from '../../usage/advice.ts';
import { cpuRangeWords, cpuWords, memoryWords, rangeWords } from '../../usage/amount-words.ts';
import type { JobAdvice, Obstacle, ToolAdvice } from '../handlers/advise.ts';
import { value2026 } from './quota.ts';

export interface Advice2026 {
  /** How many were measured, the newest 30 at most. */
  readonly runs: number;
  readonly lowest: number | null;
  readonly highest: number | null;
  readonly killed: number;
  readonly limit: number;
  readonly verdict: Advice['verdict'];
  /** As a definition takes it. */
  readonly to: string | null;
  readonly message: string;
}

export interface JobAdvice2026 {
  readonly job: string;
  readonly job_type: JobType;
  readonly memory: Advice2026 | null;
  readonly cpu: Advice2026 | null;
  /** Null where nothing larger is advised. */
  readonly fits: boolean | null;
  readonly obstacles: readonly string[];
  readonly request: string | null;
}

interface Amount {
  readonly text: (amount: number) => string;
  /** @example '430-512 of 512 MiB' */
  readonly words: (advice: Advice) => string;
}

const amounts = {
  memory: {
    text: memoryText,
    words: ({ lowest = 0, highest = 0, limit }) =>
      `${rangeWords(lowest, highest).replace(' MiB', '')} of ${memoryWords(limit)}`,
  },
  cpu: {
    text: cpuText,
    words: ({ lowest = 0, highest = 0, limit }) =>
      `${cpuRangeWords(lowest, highest).replace(' CPU', '')} of ${cpuWords(limit)}`,
  },
} as const satisfies Record<string, Amount>;

/** @param tool its name, for the text that is sent on */
export function renderJobAdvice(tool: string, advice: JobAdvice): JobAdvice2026 {
  const { name, type, memory, cpu, obstacles } = advice;
  const isLarger = memory?.verdict === 'larger' || cpu?.verdict === 'larger';
  return {
    job: name,
    job_type: type,
    memory: memory ? rendered(memory, amounts.memory, type) : null,
    cpu: cpu ? rendered(cpu, amounts.cpu, type) : null,
    fits: isLarger ? obstacles.length === 0 : null,
    obstacles: obstacles.map(obstacleWords),
    request: obstacles.length > 0 ? requestText(tool, advice) : null,
  };
}

function rendered(advice: Advice, amount: Amount, type: JobType): Advice2026 {
  const { runs, lowest, highest, killed, limit, verdict, to } = advice;
  return {
    runs,
    lowest: rounded(lowest),
    highest: rounded(highest),
    killed,
    limit: Math.round(limit),
    verdict,
    to: to === undefined ? null : amount.text(to),
    message: adviceWords(advice, amount, type),
  };
}

function rounded(amount: number | undefined): number | null {
  return amount === undefined ? null : Math.ceil(amount);
}

function adviceWords(advice: Advice, amount: Amount, type: JobType): string {
  const { runs, killed, verdict, to } = advice;
  const isContinuous = type === 'continuous';
  if (runs === 0) return 'not measured';
  const used = `used ${amount.words(advice)}${isContinuous ? '' : ` in ${runsWords(runs)}`}`;
  if (verdict === 'unknown') return `${used}; too ${isContinuous ? 'short a time' : 'few runs'} to say more`;
  if (verdict === 'keep' || to === undefined) return `${used}; leave it as it is`;
  if (verdict === 'smaller') return `${used}; ${amount.text(to)} would be enough`;
  return `${used}, ${killed > 0 ? killedWords(advice, isContinuous) : 'that is close'}; ${amount.text(to)} would be better`;
}

function runsWords(runs: number): string {
  return runs === 1 ? 'one run' : `the last ${runs} runs`;
}

function killedWords({ runs, killed }: Advice, isContinuous: boolean): string {
  const who = isContinuous ? 'it was' : runs === 1 ? 'which was' : killed === 1 ? 'one was' : `${killed} were`;
  return `${who} killed for lack of it`;
}

function obstacleWords({ resource, limit, needed, isOfOneJob }: Obstacle): string {
  const what = resource.endsWith('memory') ? 'memory' : 'CPU';
  const who = isOfOneJob ? 'One job may have' : 'All jobs that run at once may have';
  return `${who} ${limit} of ${what}; ${needed} would be needed.`;
}

/** What somebody needs to know who knows neither the tool nor the job. */
function requestText(tool: string, { name, memory, cpu, obstacles, type }: JobAdvice): string {
  const larger = [
    ...(memory?.verdict === 'larger' ? [`Memory: ${adviceWords(memory, amounts.memory, type)}.`] : []),
    ...(cpu?.verdict === 'larger' ? [`CPU: ${adviceWords(cpu, amounts.cpu, type)}.`] : []),
  ];
  const asked = obstacles.map(
    ({ resource, limit, needed, isOfOneJob }) =>
      `- ${isOfOneJob ? `${resource} of one job (LimitRange)` : `${resource} (ResourceQuota)`}: ${needed} instead of ${limit}`,
  );
  return [
    `Please raise the quota of the tool ${tool} for its job ${name}.`,
    '',
    ...larger,
    '',
    'Asked for:',
    ...asked,
  ].join('\n');
}

export interface ToolAdvice2026 {
  readonly items: readonly {
    readonly name: string;
    readonly used: string;
    readonly limit: string;
    readonly full: boolean;
  }[];
  readonly request: string | null;
}

export function renderToolAdvice({ tool, items }: ToolAdvice): ToolAdvice2026 {
  const full = items.filter(({ isFull }) => isFull);
  return {
    items: items.map((item) => ({
      name: item.name,
      used: value2026(item, item.used),
      limit: value2026(item, item.limit),
      full: item.isFull,
    })),
    request:
      full.length === 0
        ? null
        : [
            `Please raise the quota of the tool ${tool.name}: what it has is used up, or nearly.`,
            '',
            'Asked for:',
            ...full.map(
              ({ resource, used, limit, more }) =>
                `- ${resource} (ResourceQuota): ${more} instead of ${limit}, of which ${used} are used`,
            ),
          ].join('\n'),
  };
}
