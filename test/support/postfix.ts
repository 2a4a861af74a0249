/**
 * A real Postfix, from Debian's package, unpacked and not installed: it takes mail for every address of its domains and puts it
 * into one maildir, as it came. Needs root, as Postfix does.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { chmod, chown, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { run } from '../cluster/run.ts';
import { debianTree } from './debian-packages.ts';
import { freePort, until } from './sandbox.ts';

export interface Postfix {
  /** Of the master, which ends all of it. */
  readonly pid: number;
  readonly port: number;
  /** Mails that have arrived, oldest first. */
  mails(): Promise<ReceivedMail[]>;
  stop(): Promise<void>;
}

export interface ReceivedMail {
  /** Envelope, as Postfix writes it down: `X-Original-To`, `Return-Path`. */
  readonly recipient: string;
  readonly sender: string;
  /** The message as it came, without what Postfix has put before it. */
  readonly message: string;
}

export interface PostfixOptions {
  /** Everything of it lies below. */
  readonly dir: string;
  /** Takes mail for these. */
  readonly domains: readonly string[];
  /** Where it listens; on loopback by default. */
  readonly address?: string;
  /** PEM; offers STARTTLS. Unset: it does not. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Also listens at port 465 of its address, where TLS begins with the first byte; asks for `tls`. */
  readonly smtps?: boolean;
  /** Takes mail from nobody else, and hears the password over TLS alone; asks for `tls`. */
  readonly account?: { readonly user: string; readonly password: string };
}

/** Users that every Debian has and nothing else here runs as. */
const owner = 'list';
const postdropGroup = 'games';

export async function startPostfix(options: PostfixOptions): Promise<Postfix> {
  const { dir, domains, tls, smtps = false, account, address = '127.0.0.1' } = options;
  const tree = await debianTree('postfix', ['usr/lib/postfix']);
  const port = await freePort();
  const config = join(dir, 'etc');
  const maildir = join(dir, 'mail');
  await mkdir(config, { recursive: true });
  await chmod(dir, 0o755);
  const ids = await idsOf(owner);
  for (const name of ['data', 'mail']) {
    await mkdir(join(dir, name), { recursive: true });
    await chown(join(dir, name), ids.uid, ids.gid);
  }
  await makeQueue(join(dir, 'queue'), ids);
  const sasl = account && (await openAccounts(config, account, ids));
  const libraries = sasl ? `${tree.libraries}:${sasl.libraries}` : tree.libraries;
  const passedOn = sasl ? ` SASL_PATH=${sasl.plugins}` : '';
  const settings: Record<string, string> = {
    compatibility_level: '3.6',
    queue_directory: join(dir, 'queue'),
    data_directory: join(dir, 'data'),
    daemon_directory: join(tree.root, 'usr/lib/postfix/sbin'),
    command_directory: join(tree.root, 'usr/sbin'),
    shlib_directory: join(tree.root, 'usr/lib/postfix'),
    meta_directory: join(tree.root, 'etc/postfix'),
    mail_owner: owner,
    setgid_group: postdropGroup,
    import_environment: `MAIL_CONFIG TZ LANG=C LD_LIBRARY_PATH=${libraries}${passedOn}`,
    export_environment: `MAIL_CONFIG TZ LANG LD_LIBRARY_PATH${sasl ? ' SASL_PATH' : ''}`,
    maillog_file: join(dir, 'log'),
    maillog_file_prefixes: dir,
    // Where it listens says the file of its servers; an address of loopback need be on no interface.
    inet_interfaces: 'all',
    inet_protocols: 'ipv4',
    myhostname: 'mx.example.org',
    mydestination: '',
    virtual_mailbox_domains: domains.join(' '),
    virtual_mailbox_base: maildir,
    virtual_mailbox_maps: `static:all/`,
    virtual_uid_maps: `static:${ids.uid}`,
    virtual_gid_maps: `static:${ids.gid}`,
    virtual_minimum_uid: '1',
    smtpd_relay_restrictions: 'reject_unauth_destination',
    alias_maps: '',
    smtpd_peername_lookup: 'no',
    mailbox_size_limit: '0',
    smtputf8_enable: 'no',
    ...sasl?.settings,
    ...(tls ? { smtpd_tls_security_level: 'may', smtpd_tls_chain_files: await chainFile(dir, tls) } : {}),
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}\n`);
  await writeFile(join(config, 'main.cf'), lines.join(''));
  await writeFile(join(config, 'master.cf'), masterFile(address, port, smtps));

  const env = { PATH: process.env.PATH ?? '', MAIL_CONFIG: config, LD_LIBRARY_PATH: libraries };
  const errors = openSync(join(dir, 'master.err'), 'a');
  const master = spawn(join(tree.root, 'usr/lib/postfix/sbin/master'), ['-c', config, '-d'], {
    env,
    stdio: ['ignore', 'ignore', errors],
    // The master ends its servers by their group.
    detached: true,
  });
  closeSync(errors);
  master.unref();
  await until(async () => {
    if (master.exitCode !== null) throw new Error(`Postfix ended with ${master.exitCode}: ${await wordsOf(dir)}`);
    return answers(address, port);
  }, 'Postfix answers');
  return {
    pid: master.pid as number,
    port,
    mails: () => readMaildir(join(maildir, 'all')),
    stop: () => end(master),
  };
}

/** Who may send: a database of Cyrus SASL with one account, where Debian's Postfix looks for its rules, and what Postfix has to know of it. */
async function openAccounts(config: string, { user, password }: NonNullable<PostfixOptions['account']>, ids: Ids) {
  const tree = await debianTree('sasl2-bin', [], ['libsasl2-modules', 'libsasl2-modules-db']);
  const [, triplet] = /usr\/lib\/([^:/]+)/.exec(tree.libraries) ?? [];
  const plugins = join(tree.root, 'usr/lib', String(triplet), 'sasl2');
  const [place, domain] = [join(config, 'sasl'), 'mx.example.org'];
  const accounts = join(place, 'accounts');
  await mkdir(place, { recursive: true });
  const rules = [
    'pwcheck_method: auxprop',
    'auxprop_plugin: sasldb',
    `sasldb_path: ${accounts}`,
    'mech_list: PLAIN LOGIN',
  ];
  await writeFile(join(place, 'smtpd.conf'), rules.map((rule) => `${rule}\n`).join(''));
  const env = { PATH: process.env.PATH ?? '', LD_LIBRARY_PATH: tree.libraries, SASL_PATH: plugins };
  await run(join(tree.root, 'usr/sbin/saslpasswd2'), ['-p', '-c', '-f', accounts, '-u', domain, user], {
    env,
    input: password,
  });
  await chown(accounts, ids.uid, ids.gid);
  return {
    libraries: tree.libraries,
    plugins,
    settings: {
      smtpd_sasl_auth_enable: 'yes',
      smtpd_sasl_local_domain: domain,
      smtpd_tls_auth_only: 'yes',
      smtpd_recipient_restrictions: 'permit_sasl_authenticated, reject',
    },
  };
}

async function wordsOf(dir: string): Promise<string> {
  const texts = ['master.err', 'log'].map((name) => readFile(join(dir, name), 'utf8').catch(() => ''));
  return (await Promise.all(texts)).join('');
}

function masterFile(address: string, port: number, smtps: boolean): string {
  return [
    `${address}:${port} inet n - n - - smtpd`,
    ...(smtps ? [`${address}:465 inet n - n - - smtpd -o smtpd_tls_wrappermode=yes`] : []),
    'cleanup unix n - n - 0 cleanup',
    'qmgr unix n - n 300 1 qmgr',
    'tlsmgr unix - - n 1000? 1 tlsmgr',
    'rewrite unix - - n - - trivial-rewrite',
    'bounce unix - - n - 0 bounce',
    'defer unix - - n - 0 bounce',
    'trace unix - - n - 0 bounce',
    'error unix - - n - - error',
    'retry unix - - n - - error',
    'proxymap unix - - n - - proxymap',
    'virtual unix - n n - - virtual',
    'anvil unix - - n - 1 anvil',
    'postlog unix-dgram n - n - 1 postlogd',
    '',
  ].join('\n');
}

/** As `postfix check` would make it, which asks for a system with its users. */
async function makeQueue(queue: string, { uid, gid }: Ids): Promise<void> {
  await mkdir(join(queue, 'pid'), { recursive: true });
  await chmod(queue, 0o755);
  const own = [
    'active',
    'bounce',
    'corrupt',
    'defer',
    'deferred',
    'flush',
    'hold',
    'incoming',
    'private',
    'saved',
    'trace',
  ];
  for (const name of [...own, 'maildrop', 'public']) {
    await mkdir(join(queue, name), { recursive: true });
    await chmod(join(queue, name), name === 'maildrop' ? 0o730 : name === 'public' ? 0o710 : 0o700);
    await chown(join(queue, name), uid, gid);
  }
}

interface Ids {
  readonly uid: number;
  readonly gid: number;
}

async function idsOf(user: string): Promise<Ids> {
  const [uid, gid] = await Promise.all([run('id', ['-u', user]), run('id', ['-g', user])]);
  return { uid: Number(uid), gid: Number(gid) };
}

async function chainFile(dir: string, { cert, key }: { cert: string; key: string }): Promise<string> {
  const path = join(dir, 'tls.pem');
  await writeFile(path, key + cert, { mode: 0o600 });
  return path;
}

/** Its answer, and not only its port: the master listens before a server is there. */
function answers(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, address);
    socket.setTimeout(1_000, () => socket.destroy());
    socket.once('data', (chunk) => {
      resolve(chunk.toString().startsWith('220'));
      socket.end('QUIT\r\n');
    });
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
  });
}

async function readMaildir(path: string): Promise<ReceivedMail[]> {
  const names = await readdir(join(path, 'new')).catch(() => []);
  const texts = await Promise.all(names.sort(byArrival).map((name) => readFile(join(path, 'new', name), 'latin1')));
  return texts.map(readMail);
}

/** Names are `<seconds>.V<device>I<inode>M<microseconds>.<host>`. */
function byArrival(one: string, other: string): number {
  const timeOf = (name: string) => Number(name.split('.')[0]) + Number(/M(\d+)/.exec(name)?.[1] ?? 0) / 1e6;
  return timeOf(one) - timeOf(other);
}

/** Postfix puts its trace before the message: Return-Path, X-Original-To, Delivered-To and one Received. */
function readMail(text: string): ReceivedMail {
  const trace = /^(?:(?:Return-Path|X-Original-To|Delivered-To|Received):.*\n(?:[ \t].*\n)*)+/.exec(text)?.[0] ?? '';
  const value = (name: string) => new RegExp(`^${name}: <?([^>\\n]*)>?$`, 'm').exec(trace)?.[1] ?? '';
  return {
    recipient: value('X-Original-To') || value('Delivered-To'),
    sender: value('Return-Path'),
    message: text.slice(trace.length),
  };
}

async function end(master: ChildProcess): Promise<void> {
  if (master.exitCode !== null || master.signalCode !== null) return;
  master.ref();
  const gone = once(master, 'exit');
  master.kill('SIGTERM');
  await gone;
}
