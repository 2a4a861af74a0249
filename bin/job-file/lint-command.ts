/** What can be said of a command without a shell: of its first program, the directory it is started in, and the script it is given. */
import { constants } from 'node:fs';
import { access, lstat, open, readdir, stat } from 'node:fs/promises';
import { basename, isAbsolute, join, relative, resolve } from 'node:path';

/** @param image its name. @param home unset: files are not looked at. @returns whole sentences */
export async function lintCommand(cmd: string, image: string, home: string | undefined): Promise<string[]> {
  const start = readStart(cmd);
  if (!start) return [];
  const found = home === undefined ? nothingWrong : await lintFiles(start, home);
  return [...found.problems, ...(await lintInterpreter(start.program, found.script, image))];
}

/** How a command begins, as far as that is plain. */
interface Start {
  /** What stands behind each `cd`. */
  readonly directories: readonly string[];
  readonly program: string;
  readonly args: readonly string[];
}

/** @returns undefined for what only a shell can read */
function readStart(cmd: string): Start | undefined {
  const directories: string[] = [];
  for (const part of cmd.split(/&&|;|&/)) {
    const { words, isWhole } = plainWords(part.trim().replace(/(?<=^| )(?:\$HOME|\$\{HOME\})(?=\/| |$)/g, '~'));
    const [program, ...args] = withoutPrefixes(words);
    if (program === undefined || (program === 'cd' && !isWhole)) return undefined;
    if (program !== 'cd') return { directories, program, args };
    directories.push(args[0] ?? '~');
  }
  return undefined;
}

/** Whatever only a shell knows the meaning of. */
const unclear = /["'\\`$*?[\]{}()<>|#!\n]/;

/** The words in front of what is not plain. @example plainWords('./run.sh --a $B >x') -> ['./run.sh', '--a'] */
function plainWords(text: string): { words: string[]; isWhole: boolean } {
  const at = text.search(unclear);
  const before = at < 0 ? text : text.slice(0, at);
  const isCut = at >= 0 && !/[<>|]/.test(text[at] ?? '');
  const words = (isCut ? before.replace(/\S+$/, '') : before).split(/\s+/).filter((word) => word !== '');
  return { words, isWhole: at < 0 };
}

/** @example withoutPrefixes(['exec', 'A=b', './run.sh']) -> ['./run.sh'] */
function withoutPrefixes(words: readonly string[]): readonly string[] {
  const at = words.findIndex((word) => word !== 'exec' && !/^[A-Za-z_]\w*=/.test(word));
  return at < 0 ? [] : words.slice(at);
}

interface Here {
  readonly home: string;
  readonly directory: string;
}

interface Found {
  readonly problems: readonly string[];
  /** Path of the script that is run, where it is there. */
  readonly script: string | undefined;
}

const nothingWrong: Found = { problems: [], script: undefined };
const said = (text: string): Found => ({ problems: [text], script: undefined });

async function lintFiles(start: Start, home: string): Promise<Found> {
  const { directories, program } = start;
  const directory = directories.reduce((from, to) => resolve(from, inHome(to, home)), home);
  const here: Here = { home, directory };
  if (!isBelow(directory, home)) return nothingWrong;
  if (!(await isDirectory(directory))) return said(`The directory '${relative(home, directory)}' is not there.`);
  if (program.includes('/')) return lintProgram(program, here);
  if (familyOf(program) !== undefined || shells.has(program)) return lintScript(start, here);
  return (await isFile(resolve(here.directory, program)))
    ? said(
        `'${program}' is looked for among the programs of the image, not in the home. If the file is meant, write './${program}'.`,
      )
    : nothingWrong;
}

async function lintProgram(program: string, here: Here): Promise<Found> {
  const path = resolve(here.directory, inHome(program, here.home));
  // A link that leads out of the home, as those of a virtual environment do, may lead somewhere in the image only.
  if (!isBelow(path, here.home) || (await isLink(path))) return nothingWrong;
  if (await isDirectory(path)) return said(`'${program}' is a directory. Is 'cd' missing in front of it?`);
  if (!(await isFile(path))) return said(await notThere(program, here));
  const isExecutable = await access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
  if (isExecutable) return { problems: [], script: path };
  return said(`'${program}' may not be executed. "chmod +x ${relative(here.home, path)}" in the home allows it.`);
}

/** The first word behind an interpreter that is neither an option nor the value of one, where it looks like a file. */
async function lintScript({ args }: Start, here: Here): Promise<Found> {
  const [script] = args;
  if (script === undefined || !/^[\w~./-]+\.\w+$|\//.test(script) || script.startsWith('-')) return nothingWrong;
  const path = resolve(here.directory, inHome(script, here.home));
  if (!isBelow(path, here.home) || (await isLink(path)) || (await isFile(path)) || (await isDirectory(path)))
    return nothingWrong;
  return said(await notThere(script, here));
}

/** The usual cause is a command that was tried in another directory. */
async function notThere(file: string, { home, directory }: Here): Promise<string> {
  const where = directory === home ? 'the home' : `'${relative(home, directory)}'`;
  const sentence = `'${file}' is not there in ${where}.`;
  if (isAbsolute(inHome(file, home))) return sentence;
  for (const entry of await readdir(directory, { withFileTypes: true }).catch(() => [])) {
    if (!entry.isDirectory() || entry.name.startsWith('.')) continue;
    if (await isFile(join(directory, entry.name, file)))
      return `${sentence} There is one in '${entry.name}': is "cd ${entry.name} &&" missing in front?`;
  }
  return sentence;
}

const shells: ReadonlySet<string> = new Set(['sh', 'bash', 'dash']);

/** Programs by the language that images are named after. Perl and shells are in all of them. */
const families: readonly (readonly [family: string, programs: RegExp])[] = [
  ['python', /^(?:python|pip)[\d.]*$/],
  ['node', /^(?:node|nodejs|npm|npx)$/],
  ['php', /^(?:php[\d.]*|composer)$/],
  ['ruby', /^(?:ruby[\d.]*|gem|bundle)$/],
  ['jdk', /^(?:java|javac)$/],
  ['mono', /^mono$/],
  ['tcl', /^tclsh[\d.]*$/],
];
const imageName = /^(?:tf-|toolforge-)?(python|node|php|ruby|jdk|mono|tcl)[\d.]/;

function familyOf(program: string): string | undefined {
  const name = basename(program);
  return families.find(([, programs]) => programs.test(name))?.[0];
}

async function lintInterpreter(program: string, script: string | undefined, image: string): Promise<string[]> {
  const [, carried] = imageName.exec(image) ?? [];
  const interpreter = familyOf(program) === undefined ? await interpreterOf(script) : basename(program);
  const needed = interpreter === undefined ? undefined : familyOf(interpreter);
  if (carried === undefined || needed === undefined || carried === needed) return [];
  return [`The image '${image}' is made for ${carried}, and hardly has '${interpreter}'. 'images' lists others.`];
}

const maxFirstLine = 128;

/** What the first line of a script names. @example '#!/usr/bin/env python3' -> 'python3' */
async function interpreterOf(script: string | undefined): Promise<string | undefined> {
  const file = script === undefined ? undefined : await open(script).catch(() => undefined);
  if (!file) return undefined;
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(maxFirstLine), 0, maxFirstLine, 0);
    const [, path, argument] = /^#! *(\S+)(?: +(\S+))?/.exec(buffer.toString('latin1', 0, bytesRead)) ?? [];
    return path === undefined ? undefined : basename(path) === 'env' ? argument : basename(path);
  } finally {
    await file.close();
  }
}

function inHome(path: string, home: string): string {
  return path.replace(/^~(?=\/|$)/, home);
}

function isBelow(path: string, home: string): boolean {
  return path === home || path.startsWith(`${home}/`);
}

async function isDirectory(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() ?? false;
}

async function isLink(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined))?.isSymbolicLink() ?? false;
}
