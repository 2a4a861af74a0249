/** A bot as a volunteer would write it, run by test/flows/typed-client.test.ts. Prints one line of JSON. */
import { AppError, connect } from 'toolforge-jobs/client';

const jobs = await connect();
const ended = endOf('from-a-bot');
const made = await jobs.run({ name: 'from-a-bot', cmd: 'echo hello; sleep 3', imagename: 'bookworm' });
const names = (await jobs.list()).map(({ name }) => name);
const again = await jobs.run({ name: 'from-a-bot', cmd: 'true', imagename: 'bookworm' }).catch((error) => error);
const outcome = await ended;
await jobs.delete('from-a-bot');
const gone = await jobs.show('from-a-bot').catch((error) => error);
const images = (await jobs.images()).length;
console.log(
  JSON.stringify({
    made: made.status_short !== undefined && made.name,
    names,
    again: again instanceof AppError && again.code,
    gone: gone instanceof AppError && gone.code,
    outcome,
    images,
  }),
);

/** @param {string} job */
async function endOf(job) {
  for await (const { event, data } of jobs.events({ job })) {
    if (event === 'run.ended') return data.outcome;
  }
  return undefined;
}
