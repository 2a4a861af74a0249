/** The files that are made of others, of the tables of routes and of commands above all, by path; `npm run -s openapi` writes them, a test compares. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import manifest from '../../package.json' with { type: 'json' };
import { type OpenApiDocument, openApiDocument } from '../../src/server/openapi/document.ts';
import { createRoutes } from '../../src/server/routes.ts';
import { scriptDeps } from '../server/scripted-deps.ts';
import { repositoryRoot } from '../support/repository-root.ts';
import { apiPage } from './api-page.ts';
import { outputSchemas } from './cli-outputs.ts';
import { cliPage } from './cli-page.ts';
import { manPages } from './man-pages.ts';
import { prometheusRule } from './prometheus-rule.ts';
import { operationsText, typesText } from './typed-client.ts';

export function currentDocument(): OpenApiDocument {
  return openApiDocument(createRoutes(scriptDeps()), manifest.version);
}

/** Text by path from the root of the repository. */
export function madeFiles(document: OpenApiDocument): Readonly<Record<string, string>> {
  const cli = cliPage();
  const manual = Object.entries(manPages(cli)).map(([name, text]) => [`packaging/debian/man/${name}`, text]);
  return {
    'docs/openapi.json': `${JSON.stringify(document, null, 2)}\n`,
    'docs/api.md': apiPage(document),
    'docs/cli.md': cli,
    'docs/cli-output.json': `${JSON.stringify(outputSchemas(document), null, 2)}\n`,
    'bin/client/typed.ts': typesText(document),
    'bin/client/operations.json': operationsText(document),
    'config/manifests/components/monitoring/prometheus-rule.yaml': prometheusRule(
      readFileSync(join(repositoryRoot, 'config/monitoring/alerts.yaml'), 'utf8'),
    ),
    ...Object.fromEntries(manual),
  };
}
