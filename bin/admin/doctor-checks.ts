/** The checks of `doctor`, from outside to inside. Each says in a sentence what is so, or what is wrong and what to do about it. */
import { X509Certificate } from 'node:crypto';
import { request } from 'node:https';
import { connect as connectPlain, isIP } from 'node:net';
import { connect, type PeerCertificate } from 'node:tls';
import { AppError } from '../../src/errors.ts';
import { amountAt, recordAt, textAt } from '../../src/fields.ts';
import { parseImageConfig } from '../../src/images.ts';
import { type Kube, kubeStatusOf } from '../../src/kube.ts';
import { parseSettings, type Startup } from '../../src/settings.ts';
import type { Status } from '../../src/status.ts';
import { find } from './tool-kube.ts';
import { paths } from './tool-objects.ts';

export interface Deployment {
  /** `https://host:port`, as users have it. */
  readonly url: string;
  /** PEM that users verify it with; undefined = what the system trusts. */
  readonly ca: string | undefined;
  readonly startup: Startup;
  readonly kube: Kube;
  /** The daemon's, as `namespace/name`. */
  readonly account: string;
  /** Of the running daemon; rejects where none answers. */
  status(): Promise<Status>;
  now(): number;
}

export type Finding =
  | { readonly is: 'well' | 'skipped'; readonly words: string }
  | { readonly is: 'wrong'; readonly words: string; readonly mend: string };

export type Check = (deployment: Deployment) => Promise<Finding>;

const patienceMs = 5_000;
const implicitTlsPort = 465;
const otherName = 'ERR_TLS_CERT_ALTNAME_INVALID';
const well = (words: string): Finding => ({ is: 'well', words });
const wrong = (words: string, mend: string): Finding => ({ is: 'wrong', words, mend });

/** In this order: what comes later means little while something before it is wrong. */
export const checks: readonly Check[] = [
  answers,
  showsGoodCertificate,
  refusesStrangers,
  clusterAnswers,
  accountHasRights,
  hasLeader,
  settingsAreGood,
  imagesAreThere,
  imageOfDaemonIsThere,
  mailServerAnswers,
  isWellInside,
  useIsMeasured,
];

async function answers(deployment: Deployment): Promise<Finding> {
  const { url } = deployment;
  const seen = await handshake(deployment).catch((error: NodeJS.ErrnoException) => error);
  if (!(seen instanceof Error)) return well(`The service answers at ${url}.`);
  const words = `Nothing answers at ${url} (${seen.code ?? seen.message}).`;
  // With nobody to lead, nobody listens: that is then what is wrong.
  const leader = await hasLeader(deployment).catch(() => undefined);
  return leader?.is === 'wrong'
    ? wrong(`${words} ${leader.words}`, leader.mend)
    : wrong(words, 'Look whether a daemon runs and is ready, then at the balancer before it.');
}

async function showsGoodCertificate(deployment: Deployment): Promise<Finding> {
  const { distrust, ends } = await handshake(deployment);
  const mend = 'Put a good pair where `listen.tls` of the start-up file names it: it is followed within seconds.';
  const endsAt = Date.parse(ends);
  if (endsAt < deployment.now()) return wrong(`The certificate of the service ended on ${ends}.`, mend);
  if (distrust === undefined) return well(`Its certificate is good until ${ends}.`);
  if (distrust === otherName)
    return wrong(`The certificate of the service is not for the name in ${deployment.url}.`, mend);
  return wrong(
    `The certificate of the service is not signed by the authority that its users trust (${distrust}).`,
    'Give users the authority that signed it (`jobs.ca_file` of their configuration), or the service a pair that theirs has signed.',
  );
}

async function refusesStrangers({ url }: Deployment): Promise<Finding> {
  const { status, text } = await get(`${url}/api/v1/list/`);
  if (status === 400 && text.includes('No required SSL certificate was sent'))
    return well('Whoever shows no certificate is refused.');
  if (status === 503)
    return wrong(
      'The service is not ready: it does not know the state of the cluster yet.',
      'Look at its log and at `/readyz`.',
    );
  return wrong(
    `Whoever shows no certificate is answered ${status}.`,
    'Something else listens there, or a front that does not ask for certificates.',
  );
}

async function clusterAnswers({ kube }: Deployment): Promise<Finding> {
  const version = textAt(await kube.request({ method: 'GET', path: '/version' }), 'gitVersion');
  return well(`The API server answers; it is Kubernetes ${version ?? 'of an unknown version'}.`);
}

interface Right {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly namespace?: string;
  readonly name?: string;
}

function rightsOf({ configmaps, lease }: Startup): Right[] {
  const followed = [
    ['', 'pods'],
    ['batch', 'jobs'],
    ['batch', 'cronjobs'],
    ['apps', 'deployments'],
  ] as const;
  return [
    ...followed.flatMap(([group, resource]) => ['list', 'watch'].map((verb) => ({ verb, group, resource }))),
    ...[configmaps.settings, configmaps.images].flatMap(({ namespace, name }) => [
      ...['list', 'watch'].map((verb) => ({ verb, group: '', resource: 'configmaps', namespace, name })),
      { verb: 'create', group: '', resource: 'events', namespace },
    ]),
    ...(lease
      ? ['get', 'update'].map((verb) => ({ verb, group: 'coordination.k8s.io', resource: 'leases', ...lease }))
      : []),
  ];
}

async function accountHasRights({ kube, startup, account }: Deployment): Promise<Finding> {
  const [namespace, name] = account.split('/');
  const user = `system:serviceaccount:${namespace}:${name}`;
  const groups = ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'];
  const missing: string[] = [];
  for (const { verb, group, resource, namespace: where, name: which } of rightsOf(startup)) {
    const resourceAttributes = {
      verb,
      group,
      resource,
      ...(where ? { namespace: where } : {}),
      ...(which ? { name: which } : {}),
    };
    const review = await kube.request({
      method: 'POST',
      path: '/apis/authorization.k8s.io/v1/subjectaccessreviews',
      body: {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SubjectAccessReview',
        spec: { user, groups, resourceAttributes },
      },
    });
    if (recordAt(review, 'status').allowed !== true)
      missing.push(`${verb} ${resource}${which ? ` '${which}'` : ''}${where ? ` in ${where}` : ''}`);
  }
  if (missing.length === 0) return well(`The account ${account} has the rights that it needs.`);
  return wrong(`The account ${account} may not ${missing.join(', ')}.`, 'Apply config/manifests/base/account.yaml.');
}

async function hasLeader({ kube, startup: { lease }, now }: Deployment): Promise<Finding> {
  if (!lease) return { is: 'skipped', words: 'There is one process only, without a Lease.' };
  const { namespace, name } = lease;
  const path = `/apis/coordination.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/leases/${encodeURIComponent(name)}`;
  const found = await find(kube, path);
  const holder = textAt(found, 'spec', 'holderIdentity');
  const mend = 'Look whether a process of the service runs, and at its log: one that waits for the Lease says so.';
  if (!holder) return wrong(`Nobody holds the Lease ${namespace}/${name}: no process leads.`, mend);
  const renewed = textAt(found, 'spec', 'renewTime') ?? '';
  const seconds = amountAt(found, 'spec', 'leaseDurationSeconds') ?? 15;
  // `not <=` so that a time nobody can read counts as past.
  if (!(now() <= Date.parse(renewed) + seconds * 1_000))
    return wrong(
      `No process leads: '${holder}' renewed the Lease ${namespace}/${name} last at ${renewed || 'no time'}.`,
      mend,
    );
  return well(`'${holder}' leads.`);
}

async function settingsAreGood({ kube, startup }: Deployment): Promise<Finding> {
  const { namespace, name } = startup.configmaps.settings;
  const data = recordAt(await find(kube, paths.configMap({ namespace, name })), 'data');
  try {
    parseSettings(data, startup.smtp);
    return well(`The settings in ${namespace}/${name} can be used.`);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return wrong(
      `The settings in ${namespace}/${name} are refused: ${(error.problems ?? [error.message]).join('; ')}.`,
      `\`kubectl edit configmap ${name} -n ${namespace}\`; what was good before is in force until then.`,
    );
  }
}

async function imagesAreThere({ kube, startup }: Deployment): Promise<Finding> {
  const { namespace, name, key } = startup.configmaps.images;
  const text = textAt(await find(kube, paths.configMap({ namespace, name })), 'data', key);
  const mend = `\`kubectl edit configmap ${name} -n ${namespace}\`; without it no new image is offered.`;
  if (text === undefined) return wrong(`There is no list of images: ${namespace}/${name} with a key ${key}.`, mend);
  try {
    return well(`${parseImageConfig(text).offered().length} images are offered.`);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return wrong(
      `The list of images in ${namespace}/${name} is refused: ${(error.problems ?? [error.message]).join('; ')}.`,
      mend,
    );
  }
}

/** Where the daemon runs in pods. */
async function imageOfDaemonIsThere({ kube, account }: Deployment): Promise<Finding> {
  const [namespace = ''] = account.split('/');
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`;
  const { items = [] } = (await kube.request({ method: 'GET', path })) as { items?: unknown[] };
  for (const pod of items) {
    for (const container of listOf(recordAt(pod, 'status').containerStatuses)) {
      const reason = textAt(container, 'state', 'waiting', 'reason') ?? '';
      if (/^(ErrImagePull|ImagePullBackOff|InvalidImageName|ErrImageNeverPull)$/.test(reason))
        return wrong(
          `The image ${textAt(container, 'image')} of the pod ${namespace}/${textAt(pod, 'metadata', 'name')} cannot be had (${reason}).`,
          'Push it, or name another in the overlay and apply that.',
        );
    }
  }
  return items.length === 0
    ? { is: 'skipped', words: 'The service does not run in pods here.' }
    : well(`${items.length} pods run in ${namespace}.`);
}

async function mailServerAnswers({ kube, startup }: Deployment): Promise<Finding> {
  const { namespace, name } = startup.configmaps.settings;
  const { mail } = parseSettings(
    recordAt(await find(kube, paths.configMap({ namespace, name })), 'data'),
    startup.smtp,
  ).settings;
  if (!mail.isSent) return { is: 'skipped', words: 'No mail is sent: send_emails_for_real is no.' };
  const listed = startup.smtp.allow.find(({ host }) => host === mail.server);
  const greeting = await greetingOf(listed?.address ?? mail.server, mail.port).catch(
    (error: NodeJS.ErrnoException) => error,
  );
  if (greeting instanceof Error || !greeting.startsWith('220')) {
    const said = greeting instanceof Error ? (greeting.code ?? greeting.message) : greeting.trim();
    return wrong(
      `The mail server ${mail.server}:${mail.port} does not take mail: ${said}.`,
      'Mail waits and is lost to nobody. Mend the server, or name another in smtp_server_fqdn and smtp_server_port.',
    );
  }
  return well(`The mail server ${mail.server}:${mail.port} answers.`);
}

/** What only the daemon itself knows: watches, homes, disk, mail that was given up. */
async function isWellInside({ status }: Deployment): Promise<Finding> {
  const seen = await status().catch((error: AppError) => error);
  if (seen instanceof Error)
    return { is: 'skipped', words: `The daemon was not asked itself: run this on its machine. ${seen.message}` };
  const [first, ...more] = seen.problems;
  if (first === undefined) return well('The daemon itself says that all is well.');
  const others = more.length > 0 ? ` And ${more.length} more.` : '';
  return wrong(`${first}${others}`, '`toolforge-jobs-admin status` says all of it.');
}

/** Runs have no peaks otherwise, and `advise` nothing to go by; nothing else misses them. */
async function useIsMeasured({ status }: Deployment): Promise<Finding> {
  const usage = (await status().catch(() => undefined))?.usage;
  switch (usage?.source) {
    case 'metrics':
      return well('The metrics API says what jobs use.');
    case 'nodes':
      return well('The nodes say what jobs use.');
    case 'off':
      return { is: 'skipped', words: 'What jobs use is not measured: usage_every_seconds is 0.' };
    case 'nobody':
      return { is: 'skipped', words: `What jobs use is not measured. ${usage.problem}` };
    default:
      return { is: 'skipped', words: 'Whether it can be measured what jobs use is not known yet.' };
  }
}

interface Seen {
  /** Why its users would not believe it, e.g. `DEPTH_ZERO_SELF_SIGNED_CERT`. */
  readonly distrust: string | undefined;
  /** ISO 8601. */
  readonly ends: string;
}

function handshake({ url, ca }: Pick<Deployment, 'url' | 'ca'>): Promise<Seen> {
  const { hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  return new Promise((resolve, reject) => {
    const options = { host, port: Number(port || 443), rejectUnauthorized: false, ...(ca === undefined ? {} : { ca }) };
    const socket = connect({ ...options, ...(isIP(host) === 0 ? { servername: host } : {}) }, () => {
      const peer: PeerCertificate = socket.getPeerCertificate();
      const cert = new X509Certificate(peer.raw);
      socket.destroy();
      resolve({
        // A code of OpenSSL or of Node, whatever the types say of it.
        distrust: socket.authorized ? nameDistrust(host, cert) : String(socket.authorizationError),
        ends: new Date(cert.validTo).toISOString(),
      });
    });
    socket.setTimeout(patienceMs, () =>
      socket.destroy(Object.assign(new Error('no answer came in time'), { code: 'ETIMEDOUT' })),
    );
    socket.once('error', reject);
  });
}

function nameDistrust(host: string, cert: X509Certificate): string | undefined {
  const isOf = isIP(host) === 0 ? cert.checkHost(host) : cert.checkIP(host);
  return isOf ? undefined : otherName;
}

function get(url: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    // What it is worth as a certificate was looked at before.
    const asked = request(url, { rejectUnauthorized: false, agent: false, timeout: patienceMs }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text = (text + part).slice(0, 10_000);
      });
      response.once('end', () => resolve({ status: response.statusCode ?? 0, text }));
      response.once('error', reject);
    });
    asked.once('timeout', () => asked.destroy(new Error('no answer came in time')));
    asked.once('error', reject);
    asked.end();
  });
}

function greetingOf(host: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    // There a server says nothing before TLS is spoken; what its certificate is worth, the first mail shows.
    const socket =
      port === implicitTlsPort ? connect({ host, port, rejectUnauthorized: false }) : connectPlain({ host, port });
    socket.setTimeout(patienceMs, () =>
      socket.destroy(Object.assign(new Error('no answer came in time'), { code: 'ETIMEDOUT' })),
    );
    socket.once('error', reject);
    socket.once('end', () => reject(new Error('it hung up')));
    socket.once('data', (chunk: Buffer) => {
      resolve(chunk.toString('latin1').slice(0, 200));
      socket.destroy();
    });
  });
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

/** What a check throws, in words. */
export function findingOf(error: unknown): Finding {
  const { message } = error as Error;
  const status = kubeStatusOf(error);
  if (status?.statusCode === 403)
    return wrong(`The kubeconfig of the operator may not ask that: ${status.message}`, 'Use one of an administrator.');
  return wrong(message, 'Look at the API server, and at the kubeconfig that was given.');
}
