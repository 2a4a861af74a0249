/** `npm run torture -- mail [CUTS] [SEED]`: kills the mail of the daemon 10,000 times, or as often as told, and says what came of it. */
import { buildProgram } from '../support/build-door.ts';
import { faultsOf, tortureMail, voidGaps } from './mail.ts';

const [what = '', cuts = '10000', seed = String(Date.now() % 1_000_000)] = process.argv.slice(2);
if (what !== 'mail' || !/^\d+$/.test(cuts) || !/^\d+$/.test(seed)) {
  console.error('Usage: npm run torture -- mail [CUTS] [SEED]');
  process.exit(2);
}
const program = await buildProgram('test/torture/mail-daemon.ts');
const started = Date.now();
const result = await tortureMail({ program: program.path, cuts: Number(cuts), seed: Number(seed) }).finally(
  program.remove,
);
console.log({
  ...result,
  lost: result.lost.length,
  toldTwice: result.toldTwice.length,
  seconds: (Date.now() - started) / 1_000,
  seed,
});
const faults = [
  ...faultsOf(result),
  ...voidGaps(result, Math.min(30, Number(cuts) / 20)).map(
    (gap) => `too few cuts in the gap '${gap}': the run says nothing`,
  ),
];
for (const fault of faults) console.error(fault);
console.log(faults.length === 0 ? 'nothing was lost' : 'FAILED');
process.exitCode = faults.length === 0 ? 0 : 1;
