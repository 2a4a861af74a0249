/**
 * The hallway: the only file that opens every door. It makes everything in order, wires the rooms together and returns { stop }.
 * One straight function, because its order is its meaning. Every step registers its undo at once; stop() runs them last-in first-out.
 */
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { type BuiltImages, createBuiltImages } from './built-images.ts';
import { endOfCertificate, requireGoodNow } from './certificate-dates.ts';
import { createCheckpoint } from './checkpoint.ts';
import { fromKubeObject } from './definition/manifests.ts';
import { type ConfigMapSeen, type Notice, Tool } from './domain.ts';
import { AppError } from './errors.ts';
import { type FileFollower, followFiles } from './file-follower.ts';
import { createGetJson, type GetJson } from './get-json.ts';
import { createHarbor } from './harbor.ts';
import { createHomes } from './homes/homes.ts';
import { createImageCatalog } from './image-catalog.ts';
import { createKube, type Kube } from './kube.ts';
import { createKubeEvents, type KubeEvent, type KubeEvents } from './kube-events.ts';
import { kubeOptionsFromKubeconfig, kubeOptionsOfPod } from './kubeconfig.ts';
import { createLease, type Lease } from './lease.ts';
import { type ImagesOutcome, openLiveImages } from './live-images.ts';
import { openLiveSettings, type SettingsOutcome } from './live-settings.ts';
import { type Log, setLogLevel } from './log.ts';
import { createMailRoster, type MailRoster } from './machines/mail-roster.ts';
import { createJobRoster } from './machines/roster.ts';
import { composeMail } from './mail/compose.ts';
import { createDeliver } from './mail/deliver.ts';
import { createDetails, type Details } from './mail/details.ts';
import { createMailboxFiles } from './mail/mailbox-files.ts';
import { createPace } from './mail/pace.ts';
import { createSeal } from './mail/seal.ts';
import { createTransport, type SmtpSecrets } from './mail/transport.ts';
import { createMailLog } from './mail-log.ts';
import { createMetrics, standbyMetrics } from './metrics.ts';
import { createOwnKube } from './own-kube.ts';
import { createRunRecords } from './run-records.ts';
import { type Api, createCredentials, createImpersonation } from './server/credentials.ts';
import { createEventFeeds } from './server/events/feeds.ts';
import { createForward } from './server/forward.ts';
import { refusalOf } from './server/handlers/explain.ts';
import { createTurns } from './server/handlers/turns.ts';
import { createLimitCheck } from './server/limit-check.ts';
import { createLastLines } from './server/logs/last-lines.ts';
import { openOperatorsDoor } from './server/operators-door.ts';
import { createDialectOf, registerRoutes } from './server/register-routes.ts';
import { createRoutes } from './server/routes.ts';
import { createServer } from './server/server.ts';
import { standBy } from './server/standby.ts';
import { createStreams } from './server/streams.ts';
import { meantSetting, parseSettings, retiredKeys, type Settings, type Startup, settingDefaults } from './settings.ts';
import { openStateDirectory } from './state-directory.ts';
import { readStatus } from './status.ts';
import { type ConfigMapWatch, watchConfigMap } from './watch/config-map.ts';
import { type JobsWatch, watchJobs } from './watch/jobs.ts';

export interface DaemonOptions {
  readonly startup: Startup;
  readonly log: Log;
  /** The built bin/home-reader.ts. */
  readonly homeReaderPath: string;
  readonly version: string;
  /** The Lease is lost: this process has to end at once, without writing anything. */
  onLeaseLost(): void;
}

export interface Daemon {
  /** Where the listeners are, with the ports they really got. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Stops listening, lets requests finish (10 s at most), closes every connection. Idempotent. */
  stop(): Promise<void>;
  /** Looks at the certificates on disk now; everything else is followed by itself. */
  reload(): void;
}

const stopGraceMs = 10_000;

/** @throws AppError `settings.invalid` or `kube.*` when the start-up file cannot be followed */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { startup, log, homeReaderPath, version } = options;
  const undos: (() => Promise<void> | void)[] = [];
  let stopping: Promise<void> | undefined;
  const stop = () => {
    stopping ??= (async () => {
      for (const undo of undos.splice(0).reverse()) await undo();
    })();
    return stopping;
  };

  try {
    const now = Date.now;
    const userAgent = `toolforge-jobs/${version}`;
    const ownApi = await readOwnApi(startup);
    const kube = createOwnKube({ first: { ...ownApi, userAgent }, now });
    undos.push(() => kube.close());

    const lease = startup.lease && openLease(startup.lease, kube, options);
    undos.push(() => lease?.release());
    if (lease) await standBy({ ...startup.listen.health, metrics: standbyMetrics }, () => lease.acquire());
    const mayWrite = () => lease?.isHeld() ?? true;

    let trusted = await readTrust(startup);
    const registry = openRegistry(startup, userAgent, () => trusted.harborCa);
    undos.push(() => registry?.close());
    let watch: JobsWatch | undefined;
    const mapWatches: Record<string, ConfigMapWatch> = {};
    const startedAt = now();
    const freshness = () => watch?.freshness() ?? { synced: false, live: false, asOf: startedAt };

    // A former holder on this machine may need a moment to end.
    const state = await openStateDirectory(startup.state_dir, { patienceMs: lease ? formerHolderMs : 0 });
    undos.push(() => state.close());
    const kubeEvents = createKubeEvents({ kube, now, log: log.child({ room: 'state' }) });
    const settings = await openLiveSettings({
      path: join(state.path, 'settings.json'),
      parse: (data) => parseSettings(data, startup.smtp),
      defaults: settingDefaults,
      retired: retiredKeys,
      meant: meantSetting,
      onOutcome: (outcome) => tellOfSettings(kubeEvents, startup, outcome),
      log: log.child({ room: 'settings' }),
      now,
      mayWrite,
    });
    undos.push(() => settings.stop());
    const images = await openLiveImages({
      path: join(state.path, 'images.json'),
      key: startup.configmaps.images.key,
      onOutcome: (outcome) => tellOfImages(kubeEvents, startup, outcome),
      log: log.child({ room: 'images' }),
      mayWrite,
    });
    undos.push(() => images.stop());
    const runs = createRunRecords({ directory: join(state.path, 'runs'), log: log.child({ room: 'state' }), mayWrite });
    undos.push(() => runs.stop());

    const mailHistory = createMailLog({
      directory: join(state.path, 'mail-log'),
      log: log.child({ room: 'state' }),
      now,
      mayWrite,
    });
    undos.push(() => mailHistory.stop());
    const mailSettings = () => settings.current().mail;
    const mailLog = log.child({ room: 'mail' });
    const transport = createTransport({ settings: mailSettings, smtp: startup.smtp, secrets: () => trusted.smtp });
    undos.push(() => transport.stop());
    const pace = createPace({ settings: mailSettings });
    undos.push(() => pace.stop());
    let mail: MailRoster | undefined;
    let details: Details | undefined;
    undos.push(() => mail?.stop());
    const checkpoint = createCheckpoint({
      path: join(state.path, 'checkpoint.json'),
      positions: () => watch?.positions() ?? {},
      asOf: () => watch?.completeUntil() ?? 0,
      settled: async () => void (await Promise.all([mail?.settled(), runs.settled()])),
      now,
      log: log.child({ room: 'state' }),
      mayWrite,
    });
    const known = await checkpoint.load();

    const roster = createJobRoster({
      log: log.child({ room: 'machines' }),
      onRunEnded: (end) => runs.add(end),
      onNotice(notice) {
        if (notice.kind === 'steady' && notice.ran) runs.addGood(notice.key, { at: notice.at, ran: notice.ran });
        mail?.accept(notice);
        details?.collect(notice);
      },
      around: { graces: mailSettings, now, since: () => checkpoint.since() },
    });
    undos.push(() => checkpoint.stop());
    undos.push(() => roster.stop());
    undos.push(() => watch?.stop());

    const { reader_socket: socket, ...whereHomesAre } = startup.homes;
    const reader = socket === undefined ? { program: homeReaderPath } : { socket };
    const homes = createHomes({ ...whereHomesAre, reader, log: log.child({ room: 'homes' }) });
    undos.push(() => homes.stop());
    const shared = { api: ownApi, userAgent, createKube };
    const connections =
      startup.kubernetes.act_as === 'impersonation'
        ? createImpersonation(shared)
        : createCredentials({ ...shared, homes, log: log.child({ room: 'server' }) });
    undos.push(() => connections.close());

    const metrics = createMetrics({
      jobs: () => roster.size(),
      freshness,
      streams: () => streams.count(),
      watches: () => ({
        ...watch?.stats(),
        ...Object.fromEntries(Object.entries(mapWatches).map(([map, one]) => [map, one.stats()])),
      }),
      runRecords: () => runs.stats(),
      files: () => fileProblems(),
      homes: () => homes.health(),
      certificates: () => ({ ...listenerEnds, ...apiEnds }),
      maps: () => ({ settings: settings.state(), images: images.state() }),
      mail: () => mail?.stats(),
      checkpoint: () => checkpoint.stats(),
      now,
    });
    const feeds = createEventFeeds({ subscribe: (namespace, listener) => roster.subscribe(namespace, listener), now });
    const forward = createForward(connections, { isConnected: () => freshness().live });
    const routes = createRoutes({
      jobs: {
        list: (namespace) => roster.list(namespace),
        find: (namespace, name) => roster.find(namespace, name),
        whenGone: (namespace, lives, timeoutMs) => roster.whenGone(namespace, lives, timeoutMs),
        freshness,
        observe: (object) => watch?.feed(object),
      },
      runs,
      mailLog: mailHistory,
      feeds,
      forward,
      takeTurn: createTurns(),
      checkLimits: createLimitCheck({ limitRanges: (tool) => forward.limitRanges(tool), now }),
      images: createImageCatalog({
        prebuilt: () => images.current(),
        built:
          registry &&
          builtImagesOf(registry, { settings: () => settings.current(), now, log: log.child({ room: 'images' }) }),
        now,
      }),
      settings: () => settings.current(),
      homeOf: (tool) => homes.look(tool),
      logFiles: homes,
      homes: startup.homes,
      octoberBase: startup.october_base,
      now,
    });

    const isDenied = (tool: string) => settings.current().deniedTools.has(tool);
    const streams = createStreams({
      atOncePerTool: () => settings.current().streamsAtOncePerTool,
      stallMs: () => settings.current().streamStallMs,
      isDenied,
      now,
    });
    const firstListeners = await readListeners(startup);
    let listenerEnds = endsOfListeners(firstListeners.tls);
    let apiEnds = endsOfApi(ownApi);
    const followed: Record<string, FileFollower> = {};
    const fileProblems = () =>
      Object.fromEntries(Object.entries(followed).map(([name, files]) => [name, files.problem() ?? '']));
    const server = await createServer({
      ...firstListeners,
      isDenied,
      limits: {
        requestsPerSecondPerTool: () => settings.current().requestsPerSecondPerTool,
        requestsAtOncePerTool: () => settings.current().requestsAtOncePerTool,
        requestsAtOnce: () => settings.current().requestsAtOnce,
      },
      health: {
        ...startup.listen.health,
        live: () => ({ health: { status: 'OK', message: 'OK' } }),
        stuckWatches: () => [
          ...(watch?.stuck() ?? []),
          ...Object.keys(mapWatches).filter((map) => mapWatches[map]?.isStuck()),
        ],
        ready: () => ({
          ok: freshness().synced,
          detail: {
            view: freshness(),
            homes: homes.health(),
            settings: settings.state(),
            images: images.state(),
            files: fileProblems(),
          },
        }),
        metrics: () => metrics.text(),
      },
      observer: metrics,
      log: log.child({ room: 'server' }),
      routes: (app) => registerRoutes(app, { routes, version, streams, freshness, now }),
      dialectOf: createDialectOf(startup.october_base),
    });
    undos.push(() => server.stop(stopGraceMs));
    undos.push(() => streams.endAll());
    undos.push(() => feeds.stop());
    // Who waits for the end of a job is answered before the listeners close: the deletion goes on without us.
    undos.push(() => roster.endWaiting());

    followed.listeners = followFiles({
      what: 'certificates of the listeners',
      first: firstListeners,
      read: () => readListeners(startup),
      apply({ tls, unix }) {
        if (tls) requireGoodNow(tls.cert, 'the certificate of the listener', now());
        server.setSecureContext({ tls, unix });
        listenerEnds = endsOfListeners(tls);
      },
      log: log.child({ room: 'server' }),
    });
    followed.kubernetes = followFiles({
      what: 'credentials of the daemon and CA of the API server',
      first: ownApi,
      read: () => readOwnApi(startup),
      async apply(api) {
        const ends = endsOfApi(api);
        const putInForce = await kube.tryOut({ ...api, userAgent });
        connections.replace(api);
        putInForce();
        apiEnds = ends;
      },
      log: log.child({ room: 'kube' }),
    });
    followed.trust = followFiles({
      what: 'password and CA of the mail server, CA of the registry',
      first: trusted,
      read: () => readTrust(startup),
      apply(next) {
        trusted = next;
        transport.replace();
        // What the server did not take may be taken now.
        mail?.replan();
      },
      log: log.child({ room: 'mail' }),
    });
    for (const files of Object.values(followed)) undos.push(() => files.stop());

    // From here on requests are answered, with 503 until the state of the cluster is known.
    settings.onChange((next) => setLogLevel(log, next.logLevel));
    settings.onChange(() => streams.lookAtAll());
    setLogLevel(log, settings.current().logLevel);
    const mapsLog = log.child({ room: 'watch' });
    undos.push(() => {
      for (const one of Object.values(mapWatches)) one.stop();
    });
    mapWatches.settings = watchConfigMap(kube, {
      ...startup.configmaps.settings,
      onMap: (map) => settings.offer(map),
      log: mapsLog,
    });
    mapWatches.images = watchConfigMap(kube, {
      namespace: startup.configmaps.images.namespace,
      name: startup.configmaps.images.name,
      onMap: (map) => images.offer(map),
      log: mapsLog,
    });
    // What was good last is enough to go on with; whoever has nothing waits for the first word.
    if (settings.state().source === 'defaults') await settings.heard;
    await images.ready;

    // Mail begins when it is known where it may go, and before the first event comes.
    const files = createMailboxFiles({ directory: join(state.path, 'mail'), log: mailLog, mayWrite });
    const seal = createSeal({
      settings: mailSettings,
      gaps: () => checkpoint.gaps(),
      now,
      compose: composeMail,
      compile: transport.compile,
    });
    const readLastLines = createLastLines({ forward, files: homes, homesMount: startup.homes.mount });
    const collected = createDetails({
      lines: (notice, signal) => readLastLines(toolOf(notice), notice, { lines: mailSettings().outputLines, signal }),
      refusal: async (notice) =>
        notice.pod === undefined && notice.key.kind !== 'Deployment'
          ? refusalOf(forward, toolOf(notice), notice.run)
          : undefined,
      lastGood: (notice) => runs.lastGood(toolOf(notice), notice.key.name),
      isWanted: (notice) => mail?.isWaiting(notice) ?? false,
      onDetails: (notice, found) => mail?.addDetails(toolOf(notice).name, notice.id, found),
      log: mailLog,
    });
    details = collected;
    mail = createMailRoster({
      saved: await files.load(),
      effects: {
        seal: async (mailbox) => seal(await collected.complete(mailbox)),
        save: (mailbox) => files.save(mailbox),
        deliver: createDeliver({ transport, pace, settings: mailSettings, maySend: mayWrite }),
      },
      settings: mailSettings,
      now,
      log: mailLog,
      observer: metrics.mail,
      onAccounted: (tool, rows) => mailHistory.add(tool, rows),
    });
    undos.push(() => collected.stop());
    const queues = mail;
    settings.onChange((next, before) => {
      if (JSON.stringify(next.mail) === JSON.stringify(before.mail)) return;
      transport.replace();
      pace.replan();
      queues.replan();
      const isOther = (grace: 'troubleMs' | 'steadyMs') => next.mail[grace] !== before.mail[grace];
      if (isOther('troubleMs') || isOther('steadyMs')) roster.replan();
    });
    const door = await openOperatorsDoor({
      directory: join(state.path, 'operators'),
      mail: {
        all: () => queues.all(),
        retry: (tool, id) => queues.retry(tool, id),
        drop: (tool, id) => queues.drop(tool, id),
      },
      settings,
      jobs: { namespaces: () => roster.namespaces(), list: (namespace) => roster.list(namespace), now },
      status: () =>
        readStatus({
          version,
          startedAt,
          leader: () => startup.lease && { identity: identityOf(startup.lease) },
          freshness,
          jobs: () => roster.size(),
          streams: () => streams.count(),
          mail: () => mail?.stats(),
          checkpoint: () => checkpoint.stats(),
          runRecords: () => runs.stats(),
          homes: () => homes.health(),
          settings: () => settings.state(),
          images: () => images.state(),
          certificates: () => ({ ...listenerEnds, ...apiEnds }),
          files: fileProblems,
          statePath: state.path,
          now,
        }),
      log: log.child({ room: 'server' }),
    });
    undos.push(() => door.stop());

    watch = watchJobs(kube, {
      onEvent: (event) => roster.accept(event),
      readJob: (object) => fromKubeObject(object, { images: images.current(), homesMount: startup.homes.mount }),
      ...(known ? { checkpoint: known } : {}),
      onGap: (gap) => checkpoint.addGap(gap),
      log: log.child({ room: 'watch' }),
    });
    checkpoint.start();
    const reload = () => {
      for (const files of Object.values(followed)) void files.look();
    };
    return { addresses: server.addresses, stop, reload };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Whose: the mailboxes take no notice of a namespace that no tool has. */
function toolOf({ key }: Notice): Tool {
  return Tool.ofNamespace(key.namespace) as Tool;
}

/** What is believed of servers that are no Kubernetes, and the word by which we are believed. */
interface Trust {
  readonly smtp: SmtpSecrets;
  readonly harborCa: string | undefined;
}

/** @throws AppError `settings.invalid` */
async function readTrust({ smtp, harbor }: Startup): Promise<Trust> {
  const password = smtp.auth && (await readText(smtp.auth.password_file)).replace(/\r?\n$/, '');
  if (password === '') throw new AppError('settings.invalid', `${smtp.auth?.password_file} is empty.`);
  const ca = await readCa(smtp.ca_file);
  return {
    smtp: { ...(password === undefined ? {} : { password }), ...(ca === undefined ? {} : { ca }) },
    harborCa: await readCa(harbor?.ca_file),
  };
}

async function readCa(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  const pem = await readText(file);
  endOfCertificate(pem, file);
  return pem;
}

function tellOfSettings(events: KubeEvents, { configmaps: { settings } }: Startup, outcome: SettingsOutcome): void {
  if (outcome.type === 'refused') events.say(refusalOfMap(settings, 'SettingsRefused', outcome));
  if (outcome.type === 'applied' && outcome.changed.length > 0) {
    const message = `In force: ${outcome.changed.join(', ')}`;
    events.say({ ...mapNamed(settings, outcome.map), type: 'Normal', reason: 'SettingsApplied', message });
  }
  if (outcome.type === 'misspelt') {
    const message = outcome.keys.map(({ key, meant }) => `${key} is not read here; did you mean ${meant}?`).join(' ');
    events.say({ ...mapNamed(settings, outcome.map), type: 'Warning', reason: 'SettingsNotRead', message });
  }
}

function tellOfImages(events: KubeEvents, { configmaps: { images } }: Startup, outcome: ImagesOutcome): void {
  if (outcome.type === 'refused') events.say(refusalOfMap(images, 'ImagesRefused', outcome));
}

type MapName = Pick<KubeEvent, 'namespace' | 'name'>;
type RefusedMap = Extract<SettingsOutcome, { type: 'refused' }>;

function refusalOfMap(configured: MapName, reason: string, { map, problems }: RefusedMap): KubeEvent {
  const message = `Nothing of it is in force; what was before stays. ${problems.join('; ')}`;
  return { ...mapNamed(configured, map), type: 'Warning', reason, message };
}

function mapNamed({ namespace, name }: MapName, { uid, resourceVersion }: ConfigMapSeen) {
  return { namespace, name, uid, resourceVersion };
}

/** Longer than a process takes to end; one that hangs keeps the directory, and this one waits for its end with exit code 78. */
const formerHolderMs = 60_000;

function openLease(lease: NonNullable<Startup['lease']>, kube: Kube, { log, onLeaseLost }: DaemonOptions): Lease {
  const { namespace, name } = lease;
  const identity = identityOf(lease);
  return createLease({ kube, namespace, name, identity, log: log.child({ room: 'lease' }), onLost: onLeaseLost });
}

function identityOf({ identity = hostname() }: NonNullable<Startup['lease']>): string {
  return identity;
}

/** An answer holds at most a hundred artifacts, each a few KiB. */
const maxRegistryBytes = 4 * 1024 * 1024;
const registryConnections = 8;

function openRegistry(
  { harbor }: Startup,
  userAgent: string,
  ca: () => string | undefined,
): (GetJson & { readonly host: string }) | undefined {
  if (!harbor) return undefined;
  const limits = { maxBytes: maxRegistryBytes, connections: registryConnections };
  return { ...createGetJson({ origin: harbor.url, ca, userAgent, ...limits }), host: new URL(harbor.url).host };
}

interface RegistrySurroundings {
  settings(): Settings;
  now(): number;
  readonly log: Log;
}

function builtImagesOf({ host, get }: GetJson & { readonly host: string }, around: RegistrySurroundings): BuiltImages {
  const harbor = createHarbor({ host, get, timeoutMs: () => around.settings().harborTimeoutMs });
  return createBuiltImages({
    harbor,
    cacheMs: () => around.settings().harborCacheMs,
    now: around.now,
    log: around.log,
  });
}

/** The kubeconfig that the start-up file names, or what a pod has. */
async function readOwnApi({ kubernetes }: Startup): Promise<Api> {
  const file = kubernetes.kubeconfig;
  return file === undefined
    ? kubeOptionsOfPod(process.env)
    : kubeOptionsFromKubeconfig(await readText(file), dirname(file));
}

/** Of our own certificate, where we have one, and of the first authority of the API server. */
function endsOfApi({ ca, credentials }: Api): Record<string, number> {
  return {
    kubernetes_ca: endOfCertificate(ca, 'the CA of the API server'),
    ...(credentials.kind === 'certificate'
      ? { kubernetes_client: endOfCertificate(String(credentials.cert), 'the certificate of the daemon') }
      : {}),
  };
}

/** Of the listener's certificate and of the first authority it trusts, ms since the epoch. */
function endsOfListeners(
  tls: { readonly cert: string; readonly clientCa: string } | undefined,
): Record<string, number> {
  if (!tls) return {};
  return {
    listener: endOfCertificate(tls.cert, 'the certificate of the listener'),
    client_ca: endOfCertificate(tls.clientCa, 'the client CA'),
  };
}

async function readListeners({ listen: { tls, unix } }: Startup) {
  return {
    ...(tls
      ? {
          tls: {
            address: tls.address,
            port: tls.port,
            cert: await readText(tls.cert),
            key: await readText(tls.key),
            clientCa: await readText(tls.client_ca),
          },
        }
      : {}),
    ...(unix ? { unix: { path: unix.path, clientCa: await readText(unix.client_ca) } } : {}),
  };
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new AppError('settings.invalid', `${path} cannot be read.`, { cause });
  }
}
