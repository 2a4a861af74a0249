/** The commands that the pages for people show: those of fenced blocks, line by line, and those that stand in the text. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from './repository-root.ts';

/** `console` shows what is typed and what comes; `sh` what is typed alone; the others hold no commands. */
export const languages = ['console', 'sh', 'text', 'yaml', 'json', 'js', 'python', 'dockerfile'] as const;

export interface DocumentedCommand {
  readonly page: string;
  /** As it is typed; further lines of a text that is typed in belong to it. */
  readonly text: string;
  /** The lines that follow it on the page; undefined where the page shows none. */
  readonly output?: readonly string[];
}

/** What `test/flows/docs.test.ts` cannot type, with the reason. */
export const runElsewhere: readonly (readonly [command: RegExp, reason: string])[] = [
  [/^npm ci && npm run demo$/, 'starts a cluster of its own'],
  [/^npm ci && npm test$/, 'is what runs these tests'],
  [/^npm ci && npm run package$/, 'is what test/flows/debian-package.test.ts begins with'],
  [
    /^toolforge-jobs-admin images (build|publish) /,
    'needs a builder and a registry: test/flows/image-pipeline.test.ts',
  ],
  [
    /^source <\(toolforge-jobs completion|^toolforge-jobs completion fish/,
    'needs each shell: test/flows/completion-shells.test.ts',
  ],
];

/** For operators in a cluster, whole as the text has them; test/flows/deployed.test.ts types them. A former release is not there to go back to. */
export function kubectlOf(page: string): readonly string[] {
  const texts = mentionsOf(page).map(({ text }) => text);
  return [...new Set(texts.filter((text) => / -n /.test(text) && !text.includes(' rollout undo ')))];
}

export function isRunElsewhere({ text }: DocumentedCommand): boolean {
  return runElsewhere.some(([command]) => command.test(text));
}

interface Block {
  readonly language: string;
  readonly lines: readonly string[];
}

/** From the root of the repository. */
export const pages: readonly string[] = [
  'README.md',
  'CONTRIBUTING.md',
  'packaging/debian/README.md',
  ...readdirSync(join(repositoryRoot, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

export function blocksOf(page: string): readonly Block[] {
  return [...textOf(page).matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)].map(([, language = '', text = '']) => ({
    language,
    lines: text.split('\n').slice(0, -1),
  }));
}

/** Of the blocks, in their order. */
export function commandsOf(page: string): readonly DocumentedCommand[] {
  return blocksOf(page).flatMap(({ language, lines }) => {
    if (language === 'console') return typedAndShown(lines).map((command) => ({ page, ...command }));
    if (language === 'sh') return joined(lines).map((text) => ({ page, text }));
    return [];
  });
}

/** Of the text, e.g. `toolforge-jobs-admin mail retry ID`: what begins with one of these programs. */
export function mentionsOf(page: string): readonly DocumentedCommand[] {
  const text = textOf(page).replace(/^```[\s\S]*?^```$/gm, '');
  const spans = [...text.matchAll(/`([^`\n]+)`/g)].map(([, span = '']) => span);
  return spans
    .filter((span) => /^(toolforge[- ]jobs(d|-admin|-home-readers)?|npm|kubectl)( |$)/.test(span))
    .map((span) => ({ page, text: span }));
}

/** `$ ` begins a command, `> ` goes on with it, everything else is what it printed. */
function typedAndShown(lines: readonly string[]): { readonly text: string; readonly output: readonly string[] }[] {
  const found: { text: string; output: string[] }[] = [];
  for (const line of lines) {
    const last = found.at(-1);
    if (line.startsWith('$ ')) found.push({ text: line.slice(2), output: [] });
    else if (!last) throw new Error(`A console block begins with a command, not with: ${line}`);
    else if (line.startsWith('> ') && last.output.length === 0) last.text += `\n${line.slice(2)}`;
    else last.output.push(line);
  }
  return found;
}

function joined(lines: readonly string[]): string[] {
  return lines
    .join('\n')
    .replace(/ \\\n */g, ' ')
    .split('\n')
    .filter((line) => line !== '');
}

function textOf(page: string): string {
  return readFileSync(join(repositoryRoot, page), 'utf8');
}
