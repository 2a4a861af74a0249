/**
 * The hallway: the only file that opens every door. It makes everything in order, wires the rooms together and returns { stop }.
 * One straight function, because its order is its meaning. Every step registers its undo at once; stop() runs them last-in first-out.
 */
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { readAuthorities, requireGoodAuthority, requireRoot } from './authorities.ts';
import { type BuiltImages, createBuiltImages } from './built-images.ts';
import { endOfCertificate, requireGoodNow } from './certificate-dates.ts';
import { createCheckpoint } from './checkpoint.ts';
import { fromKubeObject } from './definition/manifests.ts';
import { type ConfigMapSeen, type Notice, type PodFacts, Tool } from './domain.ts';
import { createErrands } from './errands.ts';
import { AppError } from './errors.ts';
import { createFences } from './fences.ts';
import { type FileFollower, type FileFollowerOptions, followFiles } from './file-follower.ts';
import { createFiringsMark, type FiringsMark } from './firings-mark.ts';
import { createFormerJobs } from './former-jobs.ts';
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
import { webhookRules } from './machines/sending-rules.ts';
import { composeMail } from './mail/compose.ts';
import { createDeliver } from './mail/deliver.ts';
import { createDetails, type Details } from './mail/details.ts';
import { createMailboxFiles } from './mail/mailbox-files.ts';
import { createPace } from './mail/pace.ts';
import { createSeal } from './mail/seal.ts';
import { createTransport } from './mail/transport.ts';
import { createAddressCheck } from './mail/webhook/addresses.ts';
import { createWebhookDelivery } from './mail/webhook/deliver.ts';
import { createWebhookSeal } from './mail/webhook/event.ts';
import { createPost } from './mail/webhook/post.ts';
import { createMailLog } from './mail-log.ts';
import { createMetrics, standbyMetrics } from './metrics.ts';
import { createMissedFirings } from './missed-firings.ts';
import { createOutages } from './outages.ts';
import { createOwnKube } from './own-kube.ts';
import { createRecall } from './recall.ts';
import { createRunOutputs } from './run-outputs.ts';
import { createRunRecords } from './run-records.ts';
import { type Api, type Credentials, createCredentials, createImpersonation } from './server/credentials.ts';
import { createEventFeeds } from './server/events/feeds.ts';
import { createForward } from './server/forward.ts';
import { adviseOnMemory } from './server/handlers/advise.ts';
import type { Deps } from './server/handlers/deps.ts';
import { createCarryOut } from './server/handlers/errands.ts';
import { causeOfSkip, refusalOf, wasBegun } from './server/handlers/explain.ts';
import { createTurns } from './server/handlers/turns.ts';
import { createLimitCheck } from './server/limit-check.ts';
import { createLastLines } from './server/logs/last-lines.ts';
import { openOperatorsDoor } from './server/operators-door.ts';
import { createDialectOf, registerRoutes } from './server/register-routes.ts';
import { createRoutes } from './server/routes.ts';
import { createServer, type ServerOptions } from './server/server.ts';
import { standBy } from './server/standby.ts';
import { createStreams } from './server/streams.ts';
import {
  meantSetting,
  parseSettings,
  retiredKeys,
  type Settings,
  type Startup,
  salvageSettings,
  settingDefaults,
} from './settings.ts';
import { openStateDirectory } from './state-directory.ts';
import { readStatus } from './status.ts';
import { createUnbegunRuns } from './unbegun-runs.ts';
import { createUnusualRuns } from './unusual-runs.ts';
import { createPeaks } from './usage/peaks.ts';
import { usageOfRun } from './usage/run-usage.ts';
import { createUsageSampler } from './usage/usage-sampler.ts';
import { type ConfigMapWatch, watchConfigMap } from './watch/config-map.ts';
import { type JobsWatch, watchJobs } from './watch/jobs.ts';
import { openWebhooks } from './webhooks.ts';

export interface DaemonOptions {
  readonly startup: Startup;
  readonly log: Log;
  /** The built bin/home-reader.ts. */
  readonly homeReaderPath: string;
  readonly version: string;
  /** The Lease is lost: this process has to end at once, without writing anything. */
  onLeaseLost(): void;
  /** Ends a start that is under way, or waits for its turn; afterwards stop() does that. */
  readonly signal: AbortSignal;
}

export interface Daemon {
  /** Where the listeners are, with the ports they really got. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Stops listening, lets requests finish (10 s at most), closes every connection. Idempotent. */
  stop(): Promise<void>;
  /** Reads again now what is followed anyway: files, and the two ConfigMaps. */
  reload(): void;
}

const stopGraceMs = 10_000;

/** @throws AppError `settings.invalid` or `kube.*` when the start-up file cannot be followed */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { startup, log, homeReaderPath, version, signal } = options;
  const undos: (() => Promise<void> | void)[] = [];
  let stopping: Promise<void> | undefined;
  const stop = () => {
    stopping ??= (async () => {
      // One that fails must not keep the Lease from being given back.
      for (const undo of undos.splice(0).reverse())
        await Promise.resolve()
          .then(undo)
          .catch((err: unknown) => log.error({ err }, 'a defect of ours: something could not be ended'));
    })();
    return stopping;
  };

  const unlessStopped = (work: Promise<void>) => Promise.race([work, rejection(signal)]);

  try {
    const now = Date.now;
    const userAgent = `toolforge-jobs/${version}`;
    let api = await readOwnApi(startup);
    let apiEnds = endsOfApi(api);
    const outages = createOutages(now);
    const kube = createOwnKube({
      first: { ...api, userAgent },
      now,
      onOutcome: (isAnswered) => (isAnswered ? outages.answered() : outages.failed()),
    });
    undos.push(() => kube.close());
    const followed: Record<string, FileFollower> = {};
    const follow = <Texts>(name: string, options: Omit<FileFollowerOptions<Texts>, 'log'>) => {
      const files = followFiles({ ...options, log: log.child({ room: 'files' }) });
      followed[name] = files;
      undos.push(() => files.stop());
    };
    let connections: Credentials | undefined;
    // From the first moment: a process may stand by for longer than its credentials last.
    follow('kubernetes', {
      what: 'credentials of the daemon and CA of the API server',
      first: api,
      read: () => readOwnApi(startup),
      async apply(next) {
        const ends = endsOfApi(next);
        const putInForce = await kube.tryOut({ ...next, userAgent });
        connections?.replace(next);
        putInForce();
        [api, apiEnds] = [next, ends];
      },
    });

    const lease = startup.lease && openLease(startup.lease, kube, options);
    undos.push(() => lease?.release());
    if (lease)
      await standBy({ ...startup.listen.health, metrics: standbyMetrics }, () => unlessStopped(lease.acquire()));
    const mayWrite = () => lease?.isHeld() ?? true;

    const secrets: Secrets = {};
    const registry = openRegistry(startup, userAgent, () => secrets.registryCa);
    undos.push(() => registry?.close());
    let watch: JobsWatch | undefined;
    const mapWatches: Partial<Record<'settings' | 'images', ConfigMapWatch>> = {};
    const startedAt = now();
    const freshness = () => watch?.freshness() ?? { synced: false, live: false, asOf: startedAt };

    // A former holder on this machine may need a moment to end.
    const state = await openStateDirectory(startup.state_dir, { patienceMs: lease ? formerHolderMs : 0, signal });
    undos.push(() => state.close());
    const kubeEvents = createKubeEvents({ kube, now, log: log.child({ room: 'state' }) });
    undos.push(() => kubeEvents.stop());
    const settings = await openLiveSettings({
      path: join(state.path, 'settings.json'),
      parse: (data) => parseSettings(data, startup.smtp),
      salvage: (data) => salvageSettings(data, startup.smtp),
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
    const keeps = () => ({
      perJob: settings.current().runsPerJob,
      oldest: now() - settings.current().runsDays * 86_400_000,
    });
    const runs = createRunRecords({
      directory: join(state.path, 'runs'),
      keeps,
      onForgotten: (tool, job) => outputs.forget(tool, job),
      log: log.child({ room: 'state' }),
      mayWrite,
    });
    undos.push(() => runs.stop());
    const outputs = createRunOutputs({
      directory: join(state.path, 'output'),
      keeps,
      read: (tool, end, options) => readLastLines(tool, end, options),
      log: log.child({ room: 'state' }),
      mayWrite,
    });
    undos.push(() => outputs.stop());

    const former = createFormerJobs({
      directory: join(state.path, 'former'),
      log: log.child({ room: 'state' }),
      now,
      mayWrite,
    });
    const fences = createFences({
      directory: join(state.path, 'fences'),
      log: log.child({ room: 'state' }),
      now,
      mayWrite,
    });
    const mailHistory = createMailLog({
      directory: join(state.path, 'mail-log'),
      log: log.child({ room: 'state' }),
      now,
      mayWrite,
    });
    undos.push(() => mailHistory.stop());
    const mailSettings = () => settings.current().mail;
    const mailLog = log.child({ room: 'mail' });
    const transport = createTransport({ settings: mailSettings, smtp: startup.smtp, secrets: () => secrets });
    undos.push(() => transport.stop());
    const pace = createPace({ settings: mailSettings });
    undos.push(() => pace.stop());
    let mail: MailRoster | undefined;
    let details: Details | undefined;
    undos.push(() => mail?.stop());
    const webhookLog = log.child({ room: 'webhooks' });
    const webhooks = await openWebhooks({ directory: join(state.path, 'webhooks'), now, log: webhookLog, mayWrite });
    const mayReach = createAddressCheck(startup.webhooks);
    const delivery = createWebhookDelivery({
      find: webhooks.find,
      settings: () => settings.current().webhooks,
      post: createPost({ mayReach, ca: () => secrets.webhookCa, userAgent }),
      now,
      onAttempt(tool, why) {
        const trouble = webhooks.note(tool, why);
        if (trouble) mail?.addWebhookTrouble(tool, trouble);
      },
      maySend: mayWrite,
    });
    undos.push(() => delivery.stop());
    let webhookQueues: MailRoster | undefined;
    undos.push(() => webhookQueues?.stop());
    const tell = (notice: Notice) => {
      mail?.accept(notice);
      const asked = webhooks.asked(notice);
      if (asked) webhookQueues?.accept(asked);
    };
    for (const { name, what, file, key } of secretFilesOf(startup)) {
      if (file === undefined) continue;
      const read = key === 'password' ? readPassword : readCa;
      const first = await read(file);
      secrets[key] = first;
      follow(name, {
        what,
        first,
        read: () => read(file),
        apply(text) {
          if (key !== 'password') requireGoodAuthority(text, what, now());
          secrets[key] = text;
          if (key === 'registryCa' || key === 'webhookCa') return;
          // What the mail server did not take may be taken now.
          transport.replace();
          mail?.replan();
        },
      });
    }
    let firings: FiringsMark | undefined;
    const checkpoint = createCheckpoint({
      path: join(state.path, 'checkpoint.json'),
      positions: () => watch?.positions() ?? {},
      asOf: () => watch?.completeUntil() ?? 0,
      firingsFrom: () => firings?.from() ?? startedAt,
      outages: () => outages.all(),
      async settled() {
        await unusual.settled();
        await Promise.all([mail?.settled(), webhookQueues?.settled(), runs.settled()]);
      },
      now,
      log: log.child({ room: 'state' }),
      mayWrite,
    });
    const known = await checkpoint.load();
    outages.add(known?.outages ?? []);
    const firstFirings = known?.firingsFrom ?? startedAt;
    // Nothing else tells of a firing: a kind of which nothing is heard for minutes is not waited for.
    const firingsUntil = () => watch?.completeUntil(['CronJob', 'Job']) ?? 0;
    firings = createFiringsMark({ first: firstFirings, completeUntil: firingsUntil, now });

    const peaks = createPeaks();
    const usage = createUsageSampler({
      kube,
      peaks,
      everyMs: () => settings.current().usageEveryMs,
      now,
      log: log.child({ room: 'usage' }),
    });
    const roster = createJobRoster({
      log: log.child({ room: 'machines' }),
      onRunEnded(end) {
        runs.add(end);
        outputs.collect(end);
        unbegun.end(end);
      },
      usageOf: (end) => usageOfRun(end, peaks.of(end.id)),
      onNotice(notice) {
        if (notice.kind === 'steady' && notice.ran) runs.addGood(notice.key, { at: notice.at, ran: notice.ran });
        tell(notice);
        details?.collect(notice);
        unusual.accept(notice);
        unbegun.wait(notice);
      },
      onFiringMissed: (missed) => missedFirings.accept(missed),
      onErrand: (errand) => errands.accept(errand),
      around: {
        graces: mailSettings,
        now,
        since: () => checkpoint.since(),
        firings: {
          from: () => firstFirings,
          completeUntil: firingsUntil,
          outage: (from, to) => outages.during(from, to),
          isUnseen: (at) => checkpoint.gaps().some(({ from, to }) => from <= at && at <= to),
        },
      },
    });
    const unbegun = createUnbegunRuns({
      refusalOf: (key, run) => refusalOf(forward, toolOf({ key }), run),
      onEnd: (end) => runs.add(end),
      onRefusal: (key, refused) => roster.refuse(key, refused),
    });
    const missedFirings = createMissedFirings({
      known: (end) => runs.ofFiring(toolOf(end), end),
      causeOf: (end) => causeOfSkip(forward, toolOf(end), end),
      wasBegun: (end) => wasBegun(forward, toolOf(end), end, now()),
      onMissed(end, notice) {
        roster.announce(end);
        if (notice) tell(notice);
      },
    });
    const shownJob = ({ key }: Notice) => roster.find(key.namespace, key.name);
    const unusual = createUnusualRuns({
      isAsked: (notice) => shownJob(notice)?.object.job?.unusual === true,
      isRunning: (notice) =>
        shownJob(notice)?.pods.some((pod) => pod.ownerUid === notice.run && isUnderWay(pod)) === true,
      runs: (notice) => runs.list(toolOf(notice), notice.key.name),
      counted: (notice) => outputs.collected(notice.run),
      written: (notice) => outputs.written(toolOf(notice), notice.key.name),
      onUnusual: tell,
      now,
    });
    undos.push(() => unusual.stop());
    undos.push(() => checkpoint.stop());
    undos.push(() => roster.stop());
    undos.push(() => usage.stop());
    undos.push(() => watch?.stop());

    const { reader_socket: socket, ...whereHomesAre } = startup.homes;
    const reader = socket === undefined ? { program: homeReaderPath } : { socket };
    const homes = createHomes({ ...whereHomesAre, reader, log: log.child({ room: 'homes' }) });
    undos.push(() => homes.stop());
    const shared = { api, userAgent, createKube };
    const opened =
      startup.kubernetes.act_as === 'impersonation'
        ? createImpersonation(shared)
        : createCredentials({ ...shared, homes, log: log.child({ room: 'server' }) });
    connections = opened;
    undos.push(() => opened.close());

    const certificateEnds = () => {
      const tools = opened.firstEnd();
      return { ...listenerEnds(), ...apiEnds(), ...(tools === undefined ? {} : { tools }) };
    };
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
      usage: () => usage.stats(),
      homes: () => homes.health(),
      certificates: certificateEnds,
      maps: () => ({ settings: settings.state(), images: images.state() }),
      mail: () => mail?.stats(),
      webhooks: () => webhookStats(),
      checkpoint: () => checkpoint.stats(),
      now,
    });
    const webhookStats = () => webhookQueues && { ...webhookQueues.stats(), ...webhooks.stats() };
    const feeds = createEventFeeds({ subscribe: (namespace, listener) => roster.subscribe(namespace, listener), now });
    const forward = createForward(opened, { isConnected: () => freshness().live });
    const readLastLines = createLastLines({ forward, files: homes, homesMount: startup.homes.mount });
    const deps: Deps = {
      jobs: {
        list: (namespace) => roster.list(namespace),
        find: (namespace, name) => roster.find(namespace, name),
        whenGone: (namespace, lives, timeoutMs) => roster.whenGone(namespace, lives, timeoutMs),
        freshness,
        observe: (object) => watch?.feed(object),
      },
      runs,
      outputs,
      recall: createRecall({
        unrecalled: (namespace) => roster.unrecalled(namespace),
        list: (tool, job) => runs.list(tool, job),
        tell: (key, records) => roster.recall(key, records),
        log: log.child({ room: 'state' }),
      }),
      peaks,
      mailLog: mailHistory,
      webhooks: {
        find: webhooks.find,
        set: webhooks.set,
        mayReach,
        queue: (tool) => webhookQueues?.find(tool),
        hurry: (tool) => webhookQueues?.replan(tool),
        async remove(tool) {
          const removed = webhooks.remove(tool);
          webhookQueues?.reset(tool, 'the webhook was removed');
          await removed;
        },
        test: (tool) => delivery.test(tool),
      },
      former,
      fences,
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
    };
    const routes = createRoutes(deps);
    const carryOut = createCarryOut(deps);
    const errands = createErrands({
      // A process that may not write leaves it to the one that may.
      carryOut: async (errand) => (mayWrite() ? carryOut(errand) : undefined),
      log: log.child({ room: 'server' }),
    });
    undos.push(() => errands.stop());

    const isDenied = (tool: string) => settings.current().deniedTools.has(tool);
    const streamsLog = log.child({ room: 'server' });
    const streams = createStreams({
      atOncePerTool: () => settings.current().streamsAtOncePerTool,
      stallMs: () => settings.current().streamStallMs,
      mayAsk: ({ tool, authority }) => !isDenied(tool.name) && server.isTrusted(authority),
      now,
      onCut: (cut) => streamsLog.info(cut, 'an answer was cut off'),
    });
    const firstListeners = await readListeners(startup);
    let listenerEnds = endsOfListeners(firstListeners);
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
          ...Object.entries(mapWatches).flatMap(([map, one]) => (one.isStuck() ? [map] : [])),
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

    follow('listeners', {
      what: 'certificates of the listeners',
      first: firstListeners,
      read: () => readListeners(startup),
      apply({ tls, unix }) {
        if (tls) requireGoodNow(tls.cert, 'the certificate of the listener', now());
        for (const one of [tls, unix]) if (one) requireGoodAuthority(one.clientCa, 'the client CA', now());
        server.setSecureContext({ tls, unix });
        listenerEnds = endsOfListeners({ tls, unix });
        streams.lookAtAll();
      },
    });

    // From here on requests are answered, with 503 until the state of the cluster is known.
    settings.onChange((next) => setLogLevel(log, next.logLevel));
    settings.onChange(() => streams.lookAtAll());
    setLogLevel(log, settings.current().logLevel);
    const followMaps = () => {
      const common = { log: log.child({ room: 'watch' }) };
      const { settings: settingsMap, images: imagesMap } = startup.configmaps;
      stopMaps();
      mapWatches.settings = watchConfigMap(kube, { ...common, ...settingsMap, onMap: (map) => settings.offer(map) });
      mapWatches.images = watchConfigMap(kube, { ...common, ...imagesMap, onMap: (map) => images.offer(map) });
    };
    const stopMaps = () => {
      for (const one of Object.values(mapWatches)) one.stop();
    };
    undos.push(stopMaps);
    followMaps();
    // What was good last is enough to go on with; whoever has nothing waits for the first word.
    if (settings.state().source === 'defaults') await unlessStopped(settings.heard);
    await unlessStopped(images.ready);

    // Mail begins when it is known where it may go, and before the first event comes.
    const files = createMailboxFiles({ directory: join(state.path, 'mail'), log: mailLog, mayWrite });
    const seal = createSeal({
      settings: mailSettings,
      gaps: () => checkpoint.gaps(),
      now,
      compose: composeMail,
      compile: transport.compile,
    });
    const collected = createDetails({
      lines: (notice, signal) => readLastLines(toolOf(notice), notice, { lines: mailSettings().outputLines, signal }),
      refusal: async (notice) =>
        notice.pod === undefined && notice.key.kind !== 'Deployment'
          ? refusalOf(forward, toolOf(notice), notice.run)
          : undefined,
      lastGood: (notice) => runs.lastGood(toolOf(notice), notice.key.name),
      memory: (notice) => adviseOnMemory(toolOf(notice), notice.key.name, deps),
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
    const webhookFiles = createMailboxFiles({
      directory: join(state.path, 'webhook-events'),
      log: webhookLog,
      mayWrite,
    });
    const savedEvents = await webhookFiles.load();
    const eventQueues = createMailRoster({
      saved: savedEvents,
      rules: webhookRules,
      effects: {
        seal: createWebhookSeal({ now, complete: collected.complete }),
        save: webhookFiles.save,
        deliver: delivery.deliver,
      },
      settings: () => ({ firstMs: 0, windowMs: 0, perDay: Number.POSITIVE_INFINITY }),
      now,
      log: webhookLog,
      observer: metrics.webhooks,
      onAccounted: (tool, rows) =>
        mailHistory.add(
          tool,
          rows.map((row) => ({ ...row, via: 'webhook' })),
        ),
    });
    // Its daemon was ended between the two.
    for (const { tool } of savedEvents) if (!webhooks.find(tool)) eventQueues.reset(tool, 'the webhook was removed');
    webhookQueues = eventQueues;
    settings.onChange((next, before) => {
      if (JSON.stringify(next.webhooks) !== JSON.stringify(before.webhooks)) eventQueues.replan();
    });
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
          mailWithheld: () => mailSettings().withheld,
          webhooks: () => webhookStats(),
          checkpoint: () => checkpoint.stats(),
          runRecords: () => runs.stats(),
          homes: () => homes.health(),
          errands: () => errands.stats(),
          usage: () => usage.stats(),
          settings: () => settings.state(),
          images: () => images.state(),
          maps: () => ({ settings: mapWatches.settings?.freshness(), images: mapWatches.images?.freshness() }),
          certificates: certificateEnds,
          files: fileProblems,
          statePath: state.path,
          now,
        }),
      log: log.child({ room: 'server' }),
    });
    undos.push(() => door.stop());

    watch = watchJobs(kube, {
      onEvent(event) {
        outages.accept(event);
        peaks.accept(event);
        roster.accept(event);
      },
      readJob: (object) => fromKubeObject(object, { images: images.current(), homesMount: startup.homes.mount }),
      ...(known ? { checkpoint: known } : {}),
      onGap: (gap) => checkpoint.addGap(gap),
      log: log.child({ room: 'watch' }),
    });
    checkpoint.start();
    usage.start();
    const reload = () => {
      for (const files of Object.values(followed)) void files.look();
      followMaps();
    };
    return { addresses: server.addresses, stop, reload };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** @returns rejects with the signal's reason */
function rejection(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const end = () => reject(signal.reason);
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  });
}

function isUnderWay({ phase }: PodFacts): boolean {
  return phase === 'Pending' || phase === 'Running';
}

/** Whose: the mailboxes take no notice of a namespace that no tool has. */
function toolOf({ key }: Pick<Notice, 'key'>): Tool {
  return Tool.ofNamespace(key.namespace) as Tool;
}

/** What is believed of servers that are no Kubernetes, and the word by which we are believed. */
interface Secrets {
  password?: string;
  ca?: string;
  registryCa?: string;
  webhookCa?: string;
}

interface SecretFile {
  readonly name: string;
  readonly what: string;
  /** Undefined where the start-up file names none. */
  readonly file: string | undefined;
  readonly key: keyof Secrets;
}

function secretFilesOf({ smtp, harbor, webhooks }: Startup): readonly SecretFile[] {
  return [
    { name: 'mail_password', what: 'password for the mail server', file: smtp.auth?.password_file, key: 'password' },
    { name: 'mail_ca', what: 'CA of the mail server', file: smtp.ca_file, key: 'ca' },
    { name: 'registry_ca', what: 'CA of the registry', file: harbor?.ca_file, key: 'registryCa' },
    { name: 'webhook_ca', what: 'CA of webhooks', file: webhooks.ca_file, key: 'webhookCa' },
  ];
}

/** @throws AppError `settings.invalid` */
async function readPassword(file: string): Promise<string> {
  const password = (await readText(file)).replace(/\r?\n$/, '');
  if (password === '') throw new AppError('settings.invalid', `${file} is empty.`);
  return password;
}

/** @throws AppError `settings.invalid` */
async function readCa(file: string): Promise<string> {
  const pem = await readText(file);
  requireRoot(pem, file);
  return pem;
}

function tellOfSettings(events: KubeEvents, { configmaps: { settings } }: Startup, outcome: SettingsOutcome): void {
  if (outcome.type === 'gone') events.forget(settings);
  if (outcome.type === 'refused') events.say(refusalOfMap(settings, 'SettingsRefused', outcome));
  if (outcome.type === 'applied' && (outcome.changed.length > 0 || outcome.isMended)) {
    const message = outcome.changed.length > 0 ? `In force: ${outcome.changed.join(', ')}` : asBefore;
    events.say({ ...mapNamed(settings, outcome.map), type: 'Normal', reason: 'SettingsApplied', message });
  }
  if (outcome.type === 'misspelt') {
    const message = outcome.keys.map(({ key, meant }) => `${key} is not read here; did you mean ${meant}?`).join(' ');
    events.say({ ...mapNamed(settings, outcome.map), type: 'Warning', reason: 'SettingsNotRead', message });
  }
}

function tellOfImages(events: KubeEvents, { configmaps: { images } }: Startup, outcome: ImagesOutcome): void {
  if (outcome.type === 'gone') events.forget(images);
  if (outcome.type === 'refused') events.say(refusalOfMap(images, 'ImagesRefused', outcome));
  if (outcome.type !== 'applied') return;
  const { map, changes, isMended } = outcome;
  const parts = changes.map(({ name, became }) => `${became} ${name}`);
  if (parts.length === 0 && !isMended) return;
  const message = parts.length > 0 ? `In force: ${parts.join(', ')}` : asBefore;
  events.say({ ...mapNamed(images, map), type: 'Normal', reason: 'ImagesApplied', message });
}

const asBefore = 'In force again, as before';

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

/** Of our own certificate, where we have one, and of the authorities of the API server. */
function endsOfApi({ ca, credentials }: Api): () => Record<string, number> {
  const authorities = readAuthorities(ca, 'the CA of the API server');
  const client =
    credentials.kind === 'certificate'
      ? { kubernetes_client: endOfCertificate(String(credentials.cert), 'the certificate of the daemon') }
      : {};
  return () => ({ kubernetes_ca: authorities.endsAt(Date.now()), ...client });
}

/** Of the listener's certificate and of the authorities that it trusts, ms since the epoch. */
function endsOfListeners({ tls, unix }: ListenerTexts): () => Record<string, number> {
  const clientCa = (tls ?? unix)?.clientCa;
  const authorities = clientCa === undefined ? undefined : readAuthorities(clientCa, 'the client CA');
  const listener = tls ? { listener: endOfCertificate(tls.cert, 'the certificate of the listener') } : {};
  return () => ({ ...listener, ...(authorities ? { client_ca: authorities.endsAt(Date.now()) } : {}) });
}

type ListenerTexts = Pick<ServerOptions, 'tls' | 'unix'>;

async function readListeners({ listen: { tls, unix } }: Startup): Promise<ListenerTexts> {
  return {
    ...(tls
      ? {
          tls: {
            address: tls.address,
            port: tls.port,
            cert: await readText(tls.cert),
            key: await readText(tls.key),
            clientCa: await readCa(tls.client_ca),
          },
        }
      : {}),
    ...(unix ? { unix: { path: unix.path, clientCa: await readCa(unix.client_ca) } } : {}),
  };
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new AppError('settings.invalid', `${path} cannot be read.`, { cause });
  }
}
