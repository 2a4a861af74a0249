/**
 * `npm run -s vectors -- FILE.json`: answers of earlier services, row by row, against the functions of this one. Prints each row that does
 * not simply agree, and a closing line; exit 1 when a row fails, 2 when the file is none that can be checked.
 */
import { readFile } from 'node:fs/promises';
import { checkVectors, type Report } from './sections.ts';

const [file] = process.argv.slice(2);
if (file === undefined) {
  console.error('Which file? npm run -s vectors -- FILE.json');
  process.exitCode = 2;
} else process.exitCode = await run(file);

async function run(path: string): Promise<number> {
  let report: Report;
  try {
    report = checkVectors(JSON.parse(await readFile(path, 'utf8')));
  } catch (error) {
    console.error(`${path} cannot be checked: ${error instanceof Error ? error.message : String(error)}`);
    return 2;
  }
  const { lines, passed, failed, differing, byDecision } = report;
  for (const line of lines) console.log(line);
  if (differing > 0) {
    const rules = [...byDecision].map(([key, count]) => `${key} ${count}`).join(', ');
    console.log(`${differing} differ by decision (docs/compatibility.md): ${rules}`);
  }
  console.log(`${passed} passed, ${failed} failed`);
  return failed > 0 ? 1 : 0;
}
