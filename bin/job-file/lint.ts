/**
 * What a job is accepted with and will hardly do: a file that is not in the home, an interpreter that is not in the image, a schedule that
 * fires each minute. Advice, never an error. Files are looked at as the user, by name and mode, and only below the home. What a shell would
 * have to be asked for is not judged, nor are the files of a job that comes after others, which may make them.
 */
import { lintCommand } from './lint-command.ts';

type Body = Readonly<Record<string, unknown>>;

/** @param home where the files of the tool are; unset: they are not looked at. @returns whole sentences */
export async function lintJob(body: Body, home: string | undefined): Promise<string[]> {
  const { cmd, imagename, mount, schedule, schedules, parameters, after } = body;
  const texts = [schedule, ...(Array.isArray(schedules) ? schedules : [])].filter((text) => typeof text === 'string');
  const image = String(imagename);
  // Images with a slash are built by tools, and bring their programs along.
  const isPrebuilt = !image.includes('/') && mount !== 'none';
  return [
    ...texts.flatMap(lintSchedule),
    ...(isPrebuilt && typeof cmd === 'string'
      ? await lintCommand(cmd, image, Array.isArray(after) ? undefined : home)
      : []),
    ...lintVariables(parameters),
  ];
}

/** What looks as if a shell were to read it. */
function lintVariables(parameters: unknown): string[] {
  return Object.entries(parameters ?? {}).flatMap(([name, value]) => {
    const [written] = /^~(?=\/)|\$(?:[A-Za-z_]\w*|\{[A-Za-z_]\w*\}|\([^)]*\))/.exec(String(value)) ?? [];
    if (written === undefined) return [];
    return [`'${written}' in the value of '${name}' is read by no shell: the program finds it as it stands.`];
  });
}

/** @example lintSchedule('* *\/4 * * *') -> ['The schedule … fires each minute …'] */
export function lintSchedule(text: string): string[] {
  const [minute, ...others] = fieldsOf(text);
  if (minute === undefined || !/^(?:\*|\*\/1|0-59)$/.test(minute) || others.every((field) => field === '*')) return [];
  const [hour = '*'] = others;
  const when = hour === '*' ? 'of the days' : 'of the hours';
  return [
    `The schedule "${text}" fires each minute ${when} that it names. A number in front is one time an hour: "7 ${others.join(' ')}".`,
  ];
}

/**
 * The whole cluster is busy when the hour begins, and jobs that begin together wait for one another.
 * @returns a sentence where several schedules of one file name minute 0 and no other
 */
export function lintTogether(bodies: readonly Body[]): string[] {
  const crowded = bodies.filter(({ schedule }) => typeof schedule === 'string' && fieldsOf(schedule)[0] === '0');
  if (crowded.length < 2) return [];
  const names = crowded.map(({ name }) => String(name)).join(', ');
  return [
    `${crowded.length} jobs begin at minute 0, as most others of the cluster do: ${names}. Other minutes are quieter; @hourly, @daily and their like choose one.`,
  ];
}

/** @returns nothing for a macro, or what is no schedule */
function fieldsOf(text: string): string[] {
  const fields = text.split(' ').filter((field) => field !== '');
  return fields.length === 5 ? fields : [];
}
