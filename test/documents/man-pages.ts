/** The manual pages of the command line: docs/cli.md as `man` shows it, and so made of the table of commands. */
import manifest from '../../package.json' with { type: 'json' };
import { roffOf, roffText } from './roff.ts';

interface Page {
  readonly name: string;
  readonly section: 1 | 5;
  /** One line, as `apropos` shows it. */
  readonly summary: string;
  readonly synopsis: string;
  /** Headings of docs/cli.md, and what they are called here. The empty one is what stands before the first. */
  readonly parts: Readonly<Record<string, string>>;
}

const pages: readonly Page[] = [
  {
    name: 'toolforge-jobs',
    section: 1,
    summary: `${manifest.description.slice(0, 1).toLowerCase()}${manifest.description.slice(1)}`,
    synopsis: '`toolforge-jobs` <command> [options]\n\n`toolforge jobs` <command> [options]',
    parts: {
      '': 'Description',
      Commands: 'Commands',
      'Every command': 'Options',
      'Exit codes': 'Exit status',
      JSON: 'JSON',
      'Completion in a shell': 'Completion in a shell',
    },
  },
  {
    name: 'toolforge-jobs-file',
    section: 5,
    summary: 'files of jobs, as load reads and dump writes them',
    synopsis: '`toolforge-jobs load` <file>\n\n`toolforge-jobs dump --to-file` <file>',
    parts: { 'Files of jobs': 'Description' },
  },
  {
    name: 'toolforge-jobs-settings',
    section: 5,
    summary: 'settings of the command line of jobs',
    synopsis: '`/etc/toolforge/jobs-cli.yaml`\n\n`~/.toolforge.yaml`',
    parts: { Settings: 'Description' },
  },
];

/**
 * @param markdown of docs/cli.md
 * @returns text by name of the file, e.g. `toolforge-jobs.1`
 * @throws Error where the page has a part that no manual page shows
 */
export function manPages(markdown: string): Readonly<Record<string, string>> {
  const parts = partsOf(markdown);
  const left = [...parts.keys()].filter((heading) => !pages.some((page) => heading in page.parts));
  if (left.length > 0) throw new Error(`docs/cli.md has parts that are in no manual page: ${left.join(', ')}`);
  return Object.fromEntries(pages.map((page) => [`${page.name}.${page.section}`, pageText(page, parts)]));
}

/** By heading. What holds for every command stands below the commands in docs/cli.md, and is a part of its own here. */
function partsOf(markdown: string): Map<string, string> {
  const [title = '', ...sections] = markdown.split(/^## |^##(?=# Every command)/m);
  const text = (section: string) => section.slice(section.indexOf('\n') + 1);
  const heading = (section: string) => section.slice(0, section.indexOf('\n')).replace(/^# /, '');
  return new Map([['', text(title)], ...sections.map((section) => [heading(section), text(section)] as const)]);
}

function pageText(page: Page, parts: ReadonlyMap<string, string>): string {
  const { name, section, summary, synopsis } = page;
  const body = Object.entries(page.parts).map(([heading, title]) => {
    const part = parts.get(heading);
    if (part === undefined) throw new Error(`docs/cli.md has no part '${heading}'`);
    return `.SH ${title.toUpperCase()}\n${roffOf(withoutTypes(part))}`;
  });
  const manual = section === 1 ? 'User commands' : 'File formats';
  return [
    `.\\" Made by 'npm run -s openapi', of docs/cli.md. Do not edit.\n`,
    `.TH ${name.toUpperCase()} ${section} "" "toolforge-jobs ${manifest.version}" "${manual}"\n`,
    `.SH NAME\n${name} \\- ${roffText(summary)}\n`,
    `.SH SYNOPSIS\n${roffOf(synopsis)}`,
    ...body,
    `.SH SEE ALSO\n${seeAlso(page)}`,
  ].join('');
}

/** Which JSON a command prints is for programs, whose makers have docs/cli-output.json. */
function withoutTypes(part: string): string {
  return part.replace(/^JSON: `.*`$/gm, '');
}

function seeAlso(page: Page): string {
  const others = pages
    .filter((one) => one !== page)
    .map(({ name, section }) => `\\fB${roffText(name)}\\fR(${section})`);
  return `.PP\n${others.join(',\n')}\n.PP\nWhere the package of the distribution is installed, the pages that are named here are in\n\\fB/usr/share/doc/toolforge\\-jobs/\\fR.\n`;
}
