/** `npm run cluster -- up|down|status [--state DIR]`: the cluster for people. */
import { parseArgs } from 'node:util';
import { type Cluster, down, status, up } from './cluster.ts';
import { defaultStateDir } from './state.ts';

const usage = `npm run cluster -- up|down|status [options]

  up       start a single-node Kubernetes, or show the one that runs
  down     stop it and remove everything it made
  status   its parts, their processes and memory; exit code 1 when it does not run

  --state DIR         where it lives (default ${defaultStateDir()})
  --kubeconfig FILE   up: use this cluster, start nothing
  --durable-etcd      up: wait for the disk at every write
  --keep              up: after a failed start leave everything for a look
`;

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

function show(cluster: Cluster): void {
  const { kubectl, adminKubeconfig: config, bridgeAddress, nodeAddress, homesBase, stateDir } = cluster;
  process.stdout.write(`server      ${cluster.server}  (Kubernetes ${cluster.version})
state       ${stateDir}
kubectl     ${kubectl} --kubeconfig ${config}
addresses   this machine as pods see it ${bridgeAddress}, the node ${nodeAddress}
homes       ${homesBase}
images      ${cluster.images.map((image) => image.name).join(' ')}
`);
}

async function showStatus(stateDir: string): Promise<number> {
  const { running, parts, cluster } = await status(stateDir);
  for (const part of parts) {
    const memory = `${Math.round(part.residentBytes / 2 ** 20)} MiB`.padStart(8);
    process.stdout.write(
      `${part.name.padEnd(24)} ${String(part.pid).padStart(7)} ${part.alive ? 'runs ' : 'ended'} ${memory}\n`,
    );
  }
  if (cluster === undefined) say(`${parts.length === 0 ? 'no cluster' : 'the cluster is not whole'} in ${stateDir}`);
  else show(cluster);
  return running ? 0 : 1;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      state: { type: 'string' },
      kubeconfig: { type: 'string' },
      'durable-etcd': { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const stateDir = values.state ?? defaultStateDir();
  const command = values.help || positionals.length !== 1 ? undefined : positionals[0];
  if (command === 'status') return await showStatus(stateDir);
  if (command === 'down') {
    await down(stateDir, say);
    return 0;
  }
  if (command === 'up') {
    const kubeconfig = values.kubeconfig === undefined ? {} : { kubeconfig: values.kubeconfig };
    show(
      await up({ stateDir, ...kubeconfig, keep: values.keep, durableEtcd: values['durable-etcd'], onProgress: say }),
    );
    return 0;
  }
  process.stdout.write(usage);
  return values.help ? 0 : 2;
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    say(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  },
);
