/**
 * What a Dockerfile builds on, read as the builders read it (docs.docker.com, "Dockerfile reference"; moby/buildkit): stages, arguments, files
 * and mounts from other images, continued lines, here-documents. Everything else is the builder's. Pure.
 */

/** An image that has to be there before this one can be built. */
export interface Base {
  /** As the builder will ask for it: variables are replaced. */
  readonly reference: string;
  readonly line: number;
}

export interface Dockerfile {
  /** Own stages and `scratch` left out. In the order of the file, each as often as it is named. */
  readonly bases: readonly Base[];
  /** Every argument that an ARG declares, wherever it stands. */
  readonly declared: ReadonlySet<string>;
  readonly problems: readonly Problem[];
}

export interface Problem {
  readonly line: number;
  /** Begins with what is wrong, e.g. `FROM names no image`. */
  readonly rule: string;
}

interface Instruction {
  /** Upper case. */
  readonly word: string;
  readonly rest: string;
  readonly line: number;
}

type Complain = (line: number, rule: string) => void;

/** @param given values for arguments, stronger than the defaults in the file, where the file declares them */
export function readDockerfile(text: string, given: ReadonlyMap<string, string>): Dockerfile {
  const problems: Problem[] = [];
  const complain: Complain = (line, rule) => void problems.push({ line, rule });
  const values = new Map<string, string | undefined>();
  const declared = new Set<string>();
  const stages: string[] = [];
  const bases: Base[] = [];
  for (const instruction of instructionsOf(text, complain)) {
    const { word, rest, line } = instruction;
    if (word === 'ARG') {
      for (const [name, value] of argumentsOf(rest)) {
        declared.add(name);
        // Only those before the first stage are seen by FROM.
        if (stages.length === 0) values.set(name, given.get(name) ?? (value && expand(value, values, line, () => {})));
      }
    } else if (word === 'FROM') {
      const { image, stage } = readFrom(rest);
      const reference = image === undefined ? undefined : expand(image, values, line, complain);
      if (reference === '') complain(line, 'FROM names no image');
      else if (reference !== undefined && reference !== 'scratch' && !stages.includes(reference.toLowerCase()))
        bases.push({ reference, line });
      if (image === undefined) complain(line, 'FROM must be `FROM IMAGE` or `FROM IMAGE AS STAGE`');
      stages.push(stage?.toLowerCase() ?? '');
    } else if (stages.length === 0) complain(line, `${word} stands before the first FROM`);
    else bases.push(...sourcesOf(instruction, stages, complain));
  }
  if (stages.length === 0 && problems.length === 0) complain(1, 'there is no FROM');
  return { bases, declared, problems: problems.sort((one, other) => one.line - other.line) };
}

/** Instructions with their lines put together; comments and here-documents left out. */
function instructionsOf(text: string, complain: Complain): Instruction[] {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  const continues = escapeOf(lines);
  const instructions: Instruction[] = [];
  for (let at = 0; at < lines.length; at += 1) {
    const first = at;
    let whole = '';
    for (let isOpen = true; isOpen && at < lines.length; at += 1) {
      const line = lines[at] ?? '';
      // Blank lines and comments do not end an instruction that goes on.
      if (/^\s*(#|$)/.test(line)) {
        if (whole === '') break;
        continue;
      }
      const trimmed = line.trimEnd();
      isOpen = trimmed.endsWith(continues);
      whole += isOpen ? trimmed.slice(0, -1) : line;
    }
    if (whole === '') continue;
    at -= 1;
    const [, word = '', rest = ''] = /^\s*(?:ONBUILD\s+)?(\S+)\s*(.*)$/is.exec(whole) ?? [];
    const instruction = { word: word.toUpperCase(), rest: rest.trim(), line: first + 1 };
    if (!/^[A-Z]+$/.test(instruction.word)) complain(first + 1, 'the line begins with no instruction');
    else instructions.push(instruction);
    at = endOfDocuments(instruction, lines, at, complain);
  }
  return instructions;
}

/** `# escape=` may stand among the directives at the very top. */
function escapeOf(lines: readonly string[]): string {
  for (const line of lines) {
    const [, name, value] = /^\s*#\s*(\w+)\s*=\s*(\S+)\s*$/.exec(line) ?? [];
    if (name === undefined) return '\\';
    if (name.toLowerCase() === 'escape') return value === '`' ? '`' : '\\';
  }
  return '\\';
}

/** @returns the last line of the here-documents that an instruction opens, or `at` where it opens none */
function endOfDocuments({ word, rest, line }: Instruction, lines: readonly string[], at: number, complain: Complain) {
  if (!['RUN', 'COPY', 'ADD'].includes(word)) return at;
  let last = at;
  for (const [, dash, , name] of rest.matchAll(/(?<=^|\s)\d*<<(-?)(["']?)([A-Za-z_][\w.-]*)\2(?=$|[\s;|&>)])/g)) {
    const isEnd = (text: string) => (dash ? text.replace(/^\t+/, '') : text) === name;
    const end = lines.findIndex((text, index) => index > last && isEnd(text));
    if (end < 0) {
      complain(line, `the here-document ${name} has no end`);
      return lines.length;
    }
    last = end;
  }
  return last;
}

/** `NAME`, `NAME=value`, `NAME="a value"`, several of them on a line. */
function argumentsOf(rest: string): [name: string, value: string | undefined][] {
  return [...rest.matchAll(/(?<=^|\s)([A-Za-z_]\w*)(?:=("[^"]*"|'[^']*'|\S*))?/g)].map(([, name = '', value]) => [
    name,
    value?.replace(/^(["'])(.*)\1$/s, '$2'),
  ]);
}

function readFrom(rest: string): { image?: string; stage?: string } {
  const words = rest.split(/\s+/).filter((word) => word !== '' && !word.startsWith('--'));
  const [image, as, stage] = words;
  if (image === undefined || words.length === 2 || words.length > 3) return {};
  if (words.length === 1) return { image };
  return as?.toUpperCase() === 'AS' && stage !== undefined ? { image, stage } : {};
}

/** `COPY --from=`, `RUN --mount=…,from=`: a stage, by name or number, or an image. */
function sourcesOf({ word, rest, line }: Instruction, stages: readonly string[], complain: Complain): Base[] {
  const options = /^(?:--\S+\s+)*/.exec(`${rest} `)?.[0] ?? '';
  const pattern = word === 'RUN' ? /--mount=(?:\S*,)?from=([^\s,]+)/g : /--from=(\S+)/g;
  if (!['RUN', 'COPY', 'ADD'].includes(word)) return [];
  return [...options.matchAll(pattern)].flatMap(([, source = '']) => {
    if (source.includes('$')) {
      complain(line, `'from=${source}' takes no variable: name the image in a FROM of its own, AS a stage`);
      return [];
    }
    const isStage = stages.includes(source.toLowerCase()) || (/^\d+$/.test(source) && Number(source) < stages.length);
    return isStage || source === 'scratch' ? [] : [{ reference: source, line }];
  });
}

/** `$A`, `${A}`, `${A:-word}`, `${A:+word}`. @returns undefined where a value is missing, which is complained of */
function expand(
  text: string,
  values: ReadonlyMap<string, string | undefined>,
  line: number,
  complain: Complain,
): string | undefined {
  let isWhole = true;
  const whole = text.replace(
    /\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?::?([-+])([^{}]*))?\})/g,
    (_, plain?: string, braced?: string, sign?: string, word = '') => {
      const name = plain ?? braced ?? '';
      const value = values.get(name);
      if (sign === '+') return value ? word : '';
      if (value || (value !== undefined && sign === undefined)) return value;
      if (sign === '-') return word;
      isWhole = false;
      complain(line, values.has(name) ? `the argument ${name} has no value` : `no ARG before it declares ${name}`);
      return '';
    },
  );
  return isWhole ? whole : undefined;
}
