/** `npm run deploy:sandbox [-- --state DIR] [--nginx]`: the daemon as pods of the cluster that `npm run cluster -- up` has started. */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { up } from '../cluster/cluster.ts';
import { defaultStateDir } from '../cluster/state.ts';
import { deploy } from '../support/deployed.ts';

const { values } = parseArgs({
  options: { state: { type: 'string' }, nginx: { type: 'boolean', default: false } },
});
const stateDir = values.state ?? defaultStateDir();
const cluster = await up({ stateDir, onProgress: (line) => console.error(line) });
const { url, caFile } = await deploy(cluster, join(stateDir, 'deployed'), { nginx: values.nginx });
console.log(`
The daemon runs as pods of the namespace jobs-api, and answers at ${url} (its certificate: ${caFile}).

  kubectl --kubeconfig ${cluster.adminKubeconfig} get pods -n jobs-api
  node dist/admin.js tool add NAME --kubeconfig ${cluster.adminKubeconfig} --homes-base ${cluster.homesBase}
`);
