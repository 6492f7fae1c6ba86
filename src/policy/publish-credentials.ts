import { percentDecoded } from '../base/percent-decoding.ts';
import { isLoopback } from '../base/setting-fields.ts';
import type { PublishRequest } from './publish-request.ts';
import { applicationName, isStreamName, plainStreamName } from './stream-path.ts';

/** Who may publish: the part of a role's settings that decides it. */
export interface PublishPolicy {
  /**
   * `loopback`: encoders on this machine need no key, others do; `key`: all need one; `hook`: the hook decides about
   * the key, whatever it is; `none`: nobody needs one.
   */
  readonly auth: 'loopback' | 'key' | 'hook' | 'none';
  readonly keys: readonly PublishKey[];
  /** The applications that take streams; `live` if left out. */
  readonly apps?: readonly string[];
}

export interface PublishKey {
  /** Which stream paths it opens, `*` for any run of characters: `live/stage`, `live/*`, `*`. */
  readonly stream: string;
  readonly key: string;
}

/** What the decision looks at: of `tcUrl` only its query. */
type PublishTarget = Pick<PublishRequest, 'app' | 'tcUrl' | 'streamName' | 'peerAddress'>;

export type PublishDecision =
  | {
      readonly kind: 'admitted';
      /** `app/name`, without any query. */
      readonly path: string;
      /** Names the stream key that opened it, without revealing it; `undefined` when none was needed or none fitted. */
      readonly credential: string | undefined;
    }
  | PublishRefusal;

export interface PublishRefusal {
  readonly kind: 'refused';
  readonly reason: 'app-unknown' | 'name-invalid' | 'name-is-key' | 'key-missing' | 'key-wrong';
  /** `app/name`, where that is a valid path; `undefined` where it is none, or may be a secret. */
  readonly path: string | undefined;
  /** For the encoder's screen and for the log: never holds a stream key. */
  readonly sentence: string;
}

/** The application that takes streams where nothing else is said. */
const liveApp = 'live';

/**
 * Decides whether an encoder may publish. `equal` compares two stream keys in constant time; every configured key is
 * compared, so that the time taken does not tell which one fitted. No sentence ever holds a key or what was sent as one.
 */
export function decidePublish(
  policy: PublishPolicy,
  target: PublishTarget,
  equal: (a: string, b: string) => boolean,
): PublishDecision {
  const { apps = [liveApp] } = policy;
  const [exampleApp = liveApp] = apps;
  const app = applicationName(target.app);
  const name = plainStreamName(target.streamName);
  // Viewers and logs would read it: a key in the wrong place is refused whoever sends it.
  if (policy.keys.some(({ key }) => app.includes(key) || name.includes(key))) {
    return refused(
      'name-is-key',
      `a stream key stands where a name belongs: publish to rtmp://HOST/${exampleApp}/NAME?key=YOUR-KEY (in OBS the Stream Key is NAME?key=YOUR-KEY)`,
    );
  }
  if (!apps.includes(app)) {
    return refused(
      'app-unknown',
      `this server takes streams at rtmp://HOST/${exampleApp}/NAME, there is no application "${shown(app)}"`,
    );
  }
  if (!isStreamName(name)) {
    return refused(
      'name-invalid',
      name === ''
        ? `the stream has no name: publish to rtmp://HOST/${app}/NAME`
        : 'a stream name is 1 to 128 letters, digits, dots, hyphens and underscores',
    );
  }
  const path = `${app}/${name}`;
  const offered = offeredKeys(target);
  let credential: string | undefined;
  policy.keys.forEach((entry, index) => {
    const fits = offered.map((key) => equal(key, entry.key)).includes(true);
    if (fits && credential === undefined && matchesStreamPattern(entry.stream, path)) credential = `key ${index + 1}`;
  });
  if (credential !== undefined || policy.auth === 'none' || policy.auth === 'hook') {
    return { kind: 'admitted', path, credential };
  }
  if (policy.auth === 'loopback' && isLoopback(target.peerAddress)) return { kind: 'admitted', path, credential };
  return offered.length === 0
    ? refused('key-missing', `publishing ${path} needs a stream key: append ?key=YOUR-KEY to the stream name`, path)
    : refused('key-wrong', `the stream key given does not open ${path}`, path);
}

/** The stream key that an encoder sent, for a hook that knows what keys there are: a secret. */
export function offeredStreamKey(target: PublishTarget): string | undefined {
  return offeredKeys(target)[0];
}

/** What an encoder said in its queries besides the stream key, decoded, at most 32 parameters; the first of a name. */
export function publishParameters(target: PublishTarget): Map<string, string> {
  const parameters = new Map<string, string>();
  for (const [name, value] of queryParameters(target)) {
    if (name === 'key' || parameters.has(name) || parameters.size === maxParameters) continue;
    parameters.set(name, percentDecoded(value) ?? value);
  }
  return parameters;
}

/** Which of two encoders that publish one stream at once. */
export type PublisherRole = 'primary' | 'backup';

/** `backup=1` in any of the queries, as YouTube's backup server has it, makes the backup of an encoder. */
export function publisherRole(target: PublishTarget): PublisherRole {
  return queryParameters(target).some(([name, value]) => name === 'backup' && value === '1') ? 'backup' : 'primary';
}

const maxParameters = 32;

/**
 * What makes a publishing configuration unsafe on the addresses that it listens on, or impossible, in the operator's
 * words; empty when nothing does. Loopback is always safe; elsewhere a stream key or a hook must exist, or `none` be
 * written out. `role` begins the names of the settings.
 */
export function publishSafety(
  role: string,
  settings: {
    readonly rtmp: { readonly host: string };
    readonly rtmps?: { readonly host: string } | undefined;
    readonly publish: PublishPolicy & { readonly hook?: object | undefined };
  },
): string[] {
  const { rtmp, rtmps, publish } = settings;
  const { auth, keys, hook } = publish;
  if (auth === 'hook' && hook === undefined) {
    return [`${role}.publish.auth is "hook" but there is no ${role}.publish.hook: nobody could be asked; add it`];
  }
  if (auth === 'none' || auth === 'hook' || keys.length > 0) return [];
  if (auth === 'key') {
    return [`${role}.publish.auth is "key" but ${role}.publish.keys is empty: nobody could publish; add a key`];
  }
  const listeners = [
    { setting: `${role}.rtmp.host`, host: rtmp.host },
    ...(rtmps === undefined ? [] : [{ setting: `${role}.rtmps.host`, host: rtmps.host }]),
  ];
  return listeners
    .filter(({ host }) => !isLoopback(host))
    .map(
      ({ setting, host }) =>
        `${setting} is ${host}, which others can reach, but there is no stream key: add one to ` +
        `${role}.publish.keys, or write ${role}.publish.auth: none to let anybody publish`,
    );
}

/** Whether `path` is one of those that `pattern` names: `*` stands for any run of characters, `/` among them. */
export function matchesStreamPattern(pattern: string, path: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return path === first;
  if (!path.startsWith(first)) return false;
  let from = first.length;
  for (const piece of rest) {
    const at = path.indexOf(piece, from);
    if (at === -1) return false;
    from = at + piece.length;
  }
  return path.length - from >= last.length && path.endsWith(last);
}

/** A key may stand in any of the three queries; as it is and percent-decoded, for encoders differ in that. */
function offeredKeys(target: PublishTarget): string[] {
  const offered = new Set<string>();
  for (const [name, value] of queryParameters(target)) {
    if (name !== 'key') continue;
    offered.add(value);
    offered.add(percentDecoded(value) ?? value);
  }
  offered.delete('');
  // Each costs a comparison with every configured key.
  return [...offered].slice(0, 6);
}

/** Names and values as they came, from the queries of the stream name, the app and the tcUrl, in this order. */
function queryParameters(target: PublishTarget): [name: string, value: string][] {
  const parameters: [string, string][] = [];
  for (const text of [target.streamName, target.app, target.tcUrl ?? '']) {
    const at = text.indexOf('?');
    if (at === -1) continue;
    // A second question mark comes from `rtmp://host/live?key=x` with options appended by the encoder.
    for (const parameter of text.slice(at + 1).split(/[&?]/)) {
      if (parameter === '') continue;
      const equals = parameter.indexOf('=');
      parameters.push(equals === -1 ? [parameter, ''] : [parameter.slice(0, equals), parameter.slice(equals + 1)]);
    }
  }
  return parameters;
}

/** A name from the wire as it may stand in a sentence: short and printable. */
function shown(text: string): string {
  return text.slice(0, 40).replace(/[^ -~]/g, '?');
}

function refused(reason: PublishRefusal['reason'], sentence: string, path?: string): PublishRefusal {
  return { kind: 'refused', reason, path, sentence };
}
