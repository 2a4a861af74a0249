/** The rules of docs/architecture.md that a machine can check. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import defaults from '../config/defaults.json' with { type: 'json' };
import manifest from '../package.json' with { type: 'json' };
import { errorTable } from '../src/errors.ts';
import { openApiPaths } from '../src/server/register-routes.ts';
import { createRoutes } from '../src/server/routes.ts';
import { settingKeys } from '../src/settings.ts';
import { scriptDeps } from './server/scripted-deps.ts';
import { repositoryRoot } from './support/repository-root.ts';

const rooms = ['watch', 'machines', 'mail', 'server'];
const files = ['src', 'bin'].flatMap((top) => sourceFiles(join(repositoryRoot, top)));
const text = (path: string) => readFileSync(join(repositoryRoot, path), 'utf8');

describe('the house', () => {
  it('keeps every room from importing another', () => {
    const crossings = files.flatMap((file) => {
      const room = roomOf(file);
      return room
        ? localImports(file)
            .filter((target) => roomOf(target) && roomOf(target) !== room)
            .map((target) => `${file} -> ${target}`)
        : [];
    });
    expect(crossings).toEqual([]);
  });

  it('keeps the floor from importing upward', () => {
    const floor = files.filter((file) => file.startsWith('src/') && !roomOf(file) && file !== 'src/daemon.ts');
    const upward = floor.flatMap((file) =>
      localImports(file)
        .filter((target) => roomOf(target) || target.startsWith('bin/') || target === 'src/daemon.ts')
        .map((target) => `${file} -> ${target}`),
    );
    expect(upward).toEqual([]);
  });

  it('keeps machines pure: they import xstate and the floor, nothing else', () => {
    const foreign = files
      .filter((file) => roomOf(file) === 'machines')
      .flatMap((file) =>
        packageImports(file)
          .filter((name) => name !== 'xstate')
          .map((name) => `${file} -> ${name}`),
      );
    expect(foreign).toEqual([]);
  });

  it('imports each package in one place', () => {
    const places: Record<string, RegExp> = {
      undici: /^src\/kube\.ts$/,
      '@kubernetes/client-node': /^src\/kubeconfig\.ts$/,
      fastify: /^src\/server\/(server|app)\.ts$/,
      nodemailer: /^src\/mail\/transport\.ts$/,
      lowdb: /^src\/store\.ts$/,
      cac: /^bin\/(jobs|admin)\.ts$/,
      pino: /^src\/log\.ts$/,
      'prom-client': /^src\/metrics\.ts$/,
      zod: /^src\/(settings|server\/(schemas|routes))\.ts$/,
      xstate: /^src\/machines\//,
    };
    const strays = files.flatMap((file) =>
      packageImports(file)
        .filter((name) => places[name] && !places[name].test(file))
        .map((name) => `${file} -> ${name}`),
    );
    expect(strays).toEqual([]);
  });

  it('has no import cycles', () => {
    const graph = new Map(files.map((file) => [file, localImports(file)]));
    expect(findCycle(graph)).toBeUndefined();
  });

  it('has no grab-bag files', () => {
    expect(
      files.filter((file) => /^(utils?|helpers?|common|misc|manager|service|index)\.ts$/.test(basename(file))),
    ).toEqual([]);
  });

  it('leaves the exit of the process to bin/', () => {
    expect(files.filter((file) => file.startsWith('src/') && /process\.(exit\b|exitCode)/.test(text(file)))).toEqual(
      [],
    );
  });

  it('limits time with what survives a garbage collection', () => {
    const timeouts = files.filter((file) => /AbortSignal\.timeout\(/.test(text(file)));
    expect(timeouts).toEqual([]);
  });

  it('writes HTTP statuses in one file', () => {
    const writers = files.filter(
      (file) =>
        file.startsWith('src/') && /\.(code|writeHead|status)\(\d|(reply|response)\.statusCode = /.test(text(file)),
    );
    expect(writers.filter((file) => file !== 'src/server/respond.ts')).toEqual([]);
  });

  it('documents every error code, and no other', () => {
    const documented = [...text('docs/errors.md').matchAll(/^\| `([a-z_.]+)` \| (TJF-[A-Z]\d+) /gm)].map(
      ([, code, id]) => `${code} ${id}`,
    );
    expect(documented.sort()).toEqual(
      Object.entries(errorTable)
        .map(([code, row]) => `${code} ${row.id}`)
        .sort(),
    );
  });

  it('gives every error code an id of its own', () => {
    const ids = Object.values(errorTable).map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('documents every route, and no other', () => {
    const routes = createRoutes(scriptDeps()).map(
      ({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}').replace(/\/$/, '')}`,
    );
    expect(documentedRoutes().sort()).toEqual([...routes, ...openApiPaths.map((path) => `GET ${path}`)].sort());
  });

  it('documents every setting, with a default and an example', () => {
    const documented = [...text('docs/settings.md').matchAll(/^\| `([a-z_]+)` \|/gm)].map(([, key]) => key);
    const example = parse(text('config/configmap.example.yaml')) as { data: Record<string, string> };
    const keys = [...settingKeys].sort();
    expect(documented.sort()).toEqual(keys);
    expect(Object.keys(defaults).sort()).toEqual(keys);
    expect(Object.keys(example.data).sort()).toEqual(keys);
    expect(example.data).toEqual(defaults);
  });

  it('gives a reason for every dependency', () => {
    const reasons = text('docs/decisions/0001-dependencies.md');
    const names = [...Object.keys(manifest.dependencies), ...Object.keys(manifest.devDependencies)];
    expect(names.filter((name) => !reasons.includes(`| \`${name}\` |`))).toEqual([]);
  });

  it('lets no dependency run a script when it is installed', () => {
    expect(text('.npmrc')).toMatch(/^ignore-scripts=true$/m);
  });

  it('keeps where packages were downloaded from out of the lock file', () => {
    expect(text('package-lock.json')).not.toContain('"resolved"');
  });
});

/** E.g. `GET /v1/tool/{tool}/jobs`: what the tables of docs/wire.md name, under every path that the heading above them names. */
function documentedRoutes(): string[] {
  const parts = text('docs/wire.md').split(/^## /m).slice(1);
  return parts.flatMap((part) => {
    const [heading = ''] = part.split('\n', 1);
    const bases = [...heading.matchAll(/`([^`]+)\/…`/g)].map(([, base]) => base as string);
    const rows = part.match(/^\| `[A-Z]+ .*?\|/gm) ?? [];
    const named = rows.flatMap((row) => [...row.matchAll(/`([A-Z]+) (…?)([^`?]*?)\/?(?:\?[^`]*)?`/g)]);
    return named.flatMap(([, method, dots, path]) => (dots ? bases : ['']).map((base) => `${method} ${base}${path}`));
  });
}

function sourceFiles(top: string): string[] {
  return readdirSync(top, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => relative(repositoryRoot, join(top, name)));
}

function roomOf(file: string): string | undefined {
  const [top, room] = file.split('/');
  return top === 'src' && room && rooms.includes(room) ? room : undefined;
}

function imports(file: string): string[] {
  return [...text(file).matchAll(/(?:^|\s)(?:from|import)\s*\(?\s*'([^']+)'/g)].map(([, name]) => name as string);
}

function localImports(file: string): string[] {
  return imports(file)
    .filter((name) => name.startsWith('.') && name.endsWith('.ts'))
    .map((name) => relative(repositoryRoot, resolve(repositoryRoot, dirname(file), name)));
}

function packageImports(file: string): string[] {
  return imports(file)
    .filter((name) => !name.startsWith('.'))
    .map((name) => (name.startsWith('@') ? name.split('/').slice(0, 2).join('/') : (name.split('/')[0] as string)));
}

function findCycle(graph: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  const walk = (file: string, path: string[]): string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const target of graph.get(file) ?? []) {
      const cycle = walk(target, [...path, file]);
      if (cycle) return cycle;
    }
    done.add(file);
    return undefined;
  };
  for (const file of graph.keys()) {
    const cycle = walk(file, []);
    if (cycle) return cycle;
  }
  return undefined;
}
