import { createHash, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { ConfigError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { StreamDirectory } from '../live/stream-directory.ts';
import {
  decidePublish,
  type PublishDecision,
  type PublishPolicy,
  publishSafety,
} from '../policy/publish-credentials.ts';
import type {
  PublishAdmission,
  PublishCircumstances,
  PublishGate,
  PublishRefused,
  PublishRequest,
} from '../rtmp/publish-gate.ts';
import { peerName, RtmpServer, type RtmpServerStats } from '../rtmp/rtmp-server.ts';
import { sessionLimits } from '../rtmp/session-limits.ts';
import type { OriginSettings } from './settings.ts';

export interface IngestOptions {
  readonly directory: StreamDirectory;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Ingest {
  readonly host: string;
  /** The port that it listens on, also where the setting is 0. */
  readonly port: number;
  stats(): RtmpServerStats;
  /** Takes no more encoders and disconnects those that publish. The directory stays as it is. */
  close(): Promise<void>;
}

/**
 * Listens where encoders publish, and feeds what they send to the streams of the directory. Throws `ConfigError` when
 * it would be open to everybody without that being written out, and when it cannot listen.
 */
export async function startIngest(
  settings: Pick<OriginSettings, 'rtmp' | 'publish'>,
  { directory, clock, log }: IngestOptions,
): Promise<Ingest> {
  const findings = publishSafety('origin', settings);
  if (findings.length > 0) throw new ConfigError('The RTMP listener does not start:', findings);
  const { host, port, maxConnections } = settings.rtmp;
  const server = await RtmpServer.listen({
    host,
    port,
    maxConnections,
    limits: sessionLimits(settings.rtmp),
    gate: new DirectoryGate(settings.publish, directory, clock),
    clock,
    log,
  }).catch((error: unknown) => {
    throw new ConfigError('The RTMP listener does not start:', [listenFinding(error, host, port)]);
  });
  log.info({ setting: 'origin.rtmp.port', host, port: server.port }, 'Encoders can publish over RTMP');
  return server;
}

function listenFinding(error: unknown, host: string, port: number): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'EADDRINUSE':
      return `port ${port} on ${host} is in use by another program: end it, or set another origin.rtmp.port`;
    case 'EACCES':
      return `port ${port} may not be opened by this user: set origin.rtmp.port to one of 1024 or more`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `${host} is no address of this machine: set another origin.rtmp.host`;
    default:
      return `origin.rtmp.host ${host}, origin.rtmp.port ${port}: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Asks the credentials who may publish, and the directory where to. */
class DirectoryGate implements PublishGate {
  readonly #policy: PublishPolicy;
  readonly #directory: StreamDirectory;
  readonly #clock: Clock;

  constructor(policy: PublishPolicy, directory: StreamDirectory, clock: Clock) {
    this.#policy = policy;
    this.#directory = directory;
    this.#clock = clock;
  }

  examine(request: PublishRequest): PublishRefused | undefined {
    const decision = this.#decide(request);
    return decision.kind === 'refused' ? refusedByPolicy(decision) : undefined;
  }

  async admit(request: PublishRequest, { onTakenOver }: PublishCircumstances): Promise<PublishAdmission> {
    const decision = this.#decide(request);
    if (decision.kind === 'refused') return refusedByPolicy(decision);
    const { path, credential } = decision;
    const outcome = this.#directory.publish({
      path,
      credential,
      onTakenOver,
      publication: {
        peer: peerName(request.peerAddress, request.peerPort),
        encoder: request.encoder,
        startedWallMs: this.#clock.wallMs(),
      },
    });
    if (outcome.kind === 'granted') return { kind: 'admitted', path, sink: outcome.lease };
    return {
      kind: 'refused',
      statusCode: 'NetStream.Publish.BadName',
      code: `PUBLISH_${outcome.reason.toUpperCase()}`,
      sentence: outcome.sentence,
    };
  }

  #decide({ app, tcUrl, streamName, peerAddress }: PublishRequest): PublishDecision {
    return decidePublish(this.#policy, { app, tcUrl, streamName, peerAddress }, equalStreamKeys);
  }
}

const refusalCodes = {
  'app-unknown': 'PUBLISH_APP_UNKNOWN',
  'name-invalid': 'PUBLISH_NAME_INVALID',
  'name-is-key': 'PUBLISH_NAME_IS_KEY',
  'key-missing': 'PUBLISH_KEY_MISSING',
  'key-wrong': 'PUBLISH_KEY_WRONG',
} as const;

function refusedByPolicy({ reason, sentence }: Extract<PublishDecision, { kind: 'refused' }>): PublishRefused {
  const unauthorized = reason === 'key-missing' || reason === 'key-wrong';
  return {
    kind: 'refused',
    statusCode: unauthorized ? 'NetStream.Publish.Unauthorized' : 'NetStream.Publish.BadName',
    code: refusalCodes[reason],
    sentence,
  };
}

/** In constant time: digests have one length, whatever the keys have. */
function equalStreamKeys(a: string, b: string): boolean {
  return timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest());
}
