/**
 * `npm run -s vectors -- FILE.json`: answers of earlier services, row by row, against the functions of this one. Prints each difference
 * and a closing line; exit 1 when a row fails, 2 when the file cannot be read.
 */
import { readFile } from 'node:fs/promises';
import { checkVectors } from './sections.ts';

const [file] = process.argv.slice(2);
if (file === undefined) {
  console.error('Which file? npm run -s vectors -- FILE.json');
  process.exitCode = 2;
} else process.exitCode = await run(file);

async function run(path: string): Promise<number> {
  let vectors: unknown;
  try {
    vectors = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    console.error(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
    return 2;
  }
  const { lines, passed, failed, byDecision } = checkVectors(vectors);
  for (const line of lines) console.log(line);
  for (const [key, count] of byDecision) console.log(`differs by decision: ${count} by ${key} (docs/compatibility.md)`);
  console.log(`${passed} passed, ${failed} failed`);
  return failed > 0 ? 1 : 0;
}
