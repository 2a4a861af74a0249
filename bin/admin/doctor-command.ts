/** `doctor`: looks at a deployment from outside to inside, and stops at the first thing that is wrong. */
import { visibleText } from '../terminal/terminal.ts';
import { type Check, checks, type Deployment, type Finding, findingOf } from './doctor-checks.ts';

/** @returns whether nothing is wrong */
export async function runDoctor(
  deployment: Deployment,
  print: (value: unknown, text: string) => void,
  all: readonly Check[] = checks,
): Promise<boolean> {
  const findings: Finding[] = [];
  for (const check of all) {
    findings.push(await check(deployment).catch(findingOf));
    if (findings.at(-1)?.is === 'wrong') break;
  }
  print(findings, textOf(findings, all.length));
  return findings.every(({ is }) => is !== 'wrong');
}

const marks = { well: 'ok     ', skipped: 'skipped', wrong: 'WRONG  ' } as const;

function textOf(findings: readonly Finding[], count: number): string {
  const left = count - findings.length;
  const end = findings.some(({ is }) => is === 'wrong')
    ? [`         ${left === 0 ? 'Everything else was looked at.' : `${left} further checks were not made.`}`]
    : ['Nothing is wrong.'];
  const lines = findings.flatMap((finding) => [
    `${marks[finding.is]}  ${finding.words}`,
    ...(finding.is === 'wrong' ? [`         What to do: ${finding.mend}`] : []),
  ]);
  return visibleText([...lines, ...end].join('\n'));
}
