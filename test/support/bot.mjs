/** A bot as a volunteer would write it, run by test/flows/typed-client.test.ts. Prints one line of JSON. */
import { AppError, connect } from 'toolforge-jobs/client';

const jobs = await connect();
const made = await jobs.run({ name: 'from-a-bot', cmd: 'echo hello', imagename: 'bookworm' });
const names = (await jobs.list()).map(({ name }) => name);
const again = await jobs.run({ name: 'from-a-bot', cmd: 'true', imagename: 'bookworm' }).catch((error) => error);
await jobs.delete('from-a-bot');
const gone = await jobs.show('from-a-bot').catch((error) => error);
const images = (await jobs.images()).length;
console.log(
  JSON.stringify({
    made: made.status_short !== undefined && made.name,
    names,
    again: again instanceof AppError && again.code,
    gone: gone instanceof AppError && gone.code,
    images,
  }),
);
