import { percentDecoded } from '../../base/percent-decoding.ts';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AccessError, StreamFrontError } from '../../base/errors.ts';
import { type FlvClientCapabilities, wireFormOf } from '../../formats/flv/client-capabilities.ts';
import { FlvMedia } from '../../formats/flv-index/flv-media.ts';
import { flvBeginningWithoutLayout, flvRestart, keyframeAt } from '../../formats/flv-layout/flv-layout.ts';
import { formatCacheStatus } from '../../formats/http-fields/cache-status.ts';
import type { TrackConfig } from '../../formats/media/track.ts';
import { Mp4Media } from '../../formats/mp4-index/mp4-media.ts';
import { hasLongTarget } from '../../http/listener-bounds.ts';
import { viewerAddress } from '../../http/viewer-address.ts';
import { flvClientOf } from '../../live/flv-client.ts';
import type { PlayRefused } from '../../live/play-gate.ts';
import { awaitReading } from '../../live/stored/await-reading.ts';
import { downloadTaker, FlvDownload } from '../../live/stored/flv-download.ts';
import { FlvLayouts } from '../../live/stored/flv-layouts.ts';
import type { StoredFile } from '../../live/stored-file.ts';
import type { Guest } from '../../policy/limits/viewings.ts';
import { parseRequestTarget } from '../../policy/request-target.ts';
import { admission } from '../admission.ts';
import { deliverPlain, type Viewer } from '../deliver.ts';
import type { PlainAnswer } from '../error-page.ts';
import { followBody } from '../follow-body.ts';
import { countryPlayRefusal, countryRefusal } from '../geo/served-countries.ts';
import { grantRefusal } from '../grant-admission.ts';
import { serveRequest } from '../request-arrival.ts';
import type { EdgeContext } from '../request-steps.ts';
import type { Behaviour } from '../routes.ts';
import { noGrant } from '../stream-door.ts';
import type { StoredMediaSettings } from '../streaming-settings.ts';
import { ownAnswerFields } from '../viewer-fields.ts';
import type { FileViewer, StoredPlays } from './stored-plays.ts';

export interface FlvFilesOptions {
  readonly context: EdgeContext;
  readonly libraries: readonly StoredMediaSettings[];
  readonly plays: Pick<StoredPlays, 'file' | 'has'>;
}

/** A request for a file of a library as FLV. */
export interface WantedFlv {
  readonly library: StoredMediaSettings;
  /** That of its path: it has let the viewer in. */
  readonly behaviour: Behaviour;
  readonly guest: Guest;
  /** Below the library, plain text, without `.flv`. */
  readonly name: string;
  /** `?start=`: from this byte of the FLV file on. */
  readonly startByte: number | undefined;
}

/** What is sent: something of one's own, and then the media. */
interface FlvAnswer {
  readonly beginning: Uint8Array;
  /** `undefined`: it ends where the answer ends. */
  readonly lengthBytes: number | undefined;
  readonly fromMs: number;
}

const extension = '.flv';

/**
 * `GET /library/dir/video.flv`, for players that know FLV only. A file of that name is given as it is, through the cache
 * like any other; with `?start=BYTES` from the keyframe at or before that byte on, behind an FLV header and what sets up
 * decoders, as nginx and lighttpd did. Where there is none, but a `video.mp4`, it is that as FLV.
 */
export class FlvFiles {
  readonly #options: FlvFilesOptions;
  readonly #layouts: FlvLayouts;

  constructor(options: FlvFilesOptions) {
    this.#options = options;
    this.#layouts = new FlvLayouts(options.context.clock);
  }

  /** `undefined` for what is not to be looked at here: it is somebody else's, or refused as every request would be. */
  wanted(request: IncomingMessage): WantedFlv | undefined {
    const { method, url = '', headers } = request;
    const { context, libraries } = this.#options;
    if (libraries.length === 0 || !url.includes(extension) || hasLongTarget(request)) return undefined;
    if (method !== 'GET' && method !== 'HEAD') return undefined;
    if (String(headers['cdn-loop'] ?? '').includes(context.identity.cdnId)) return undefined;
    const target = parseRequestTarget(url);
    if (target.kind !== 'resource' || !target.path.endsWith(extension)) return undefined;
    const behaviour = context.route(target.authority ?? headers.host ?? '', target.path);
    if (typeof behaviour === 'string') return undefined;
    const library = libraries.find(
      ({ distribution, path }) => distribution === behaviour.distribution && target.path.startsWith(`${path}/`),
    );
    if (library === undefined) return undefined;
    const admitted = admission(context, request, behaviour, target);
    if (admitted.kind !== 'read') return undefined;
    const name = percentDecoded(target.path.slice(library.path.length + 1, -extension.length));
    const { guest } = admitted;
    if (name === undefined) {
      context.attendance.giveBack(behaviour.limits, guest);
      return undefined;
    }
    return { library, behaviour, guest, name, startByte: startOf(admitted.target.query) };
  }

  /** Answers what is `wanted`. What it rejects with is a bug of ours. */
  async answer(request: IncomingMessage, response: ServerResponse, wanted: WantedFlv): Promise<void> {
    const left = new AbortController();
    response.once('close', () => left.abort(viewerLeft()));
    try {
      await this.#answer(request, response, wanted, left.signal);
    } catch (error) {
      if (!left.signal.aborted) throw error;
    }
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    { library, behaviour, guest, name, startByte }: WantedFlv,
    signal: AbortSignal,
  ): Promise<void> {
    const { context, plays } = this.#options;
    const address = viewerAddress(request) ?? '';
    const flvViewer: FileViewer = {
      address,
      // A grant for the one may be none for what another behaviour guards.
      door: (other) => {
        if (other === behaviour) return undefined;
        return other.served?.has(address) === false ? countryPlayRefusal : noGrant;
      },
    };
    const asAnyRequest = () => {
      context.attendance.giveBack(behaviour.limits, guest);
      serveRequest(context, request, response);
    };
    // What is asked for as it is need not be opened.
    if (startByte === undefined && (await plays.has(library, `${name}${extension}`, flvViewer, signal))) {
      asAnyRequest();
      return;
    }
    const file = (suffix: string) => plays.file(library, `${name}${suffix}`, flvViewer, signal);
    const own = startByte === undefined ? undefined : await file(extension);
    const other = own === undefined ? await file('.mp4') : undefined;
    signal.throwIfAborted();
    const media = own === undefined || 'kind' in own ? undefined : own.media;
    const restart = own !== undefined && !('kind' in own) && media instanceof FlvMedia && startByte !== undefined;
    if (other === undefined && !restart) {
      // As it is, whatever it holds, or not there: that is the cache's to say.
      asAnyRequest();
      return;
    }
    context.openAnswers.add(response, behaviour.limits, guest);
    context.counters.requests++;
    const requestId = context.nextRequestId();
    const viewer: Viewer = {
      request,
      response,
      requestId,
      edge: context.name,
      clock: context.clock,
      cors: behaviour.cors.of(request.headers.origin),
    };
    try {
      if (restart) await this.#giveFrom(viewer, own, media, startByte, signal);
      else if (other !== undefined && 'kind' in other) deliverPlain(viewer, refusalOf(other));
      else if (other !== undefined) await this.#giveAsFlv(viewer, other, startByte, signal);
    } catch (error) {
      if (signal.aborted || !(error instanceof StreamFrontError) || response.headersSent) throw error;
      context.log.warn({ err: error, path: name }, 'a file could not be given as FLV');
      deliverPlain(viewer, failure(error.code, error.message));
    }
  }

  /** The bytes of an FLV file from the keyframe at or before one of them on. */
  async #giveFrom(
    viewer: Viewer,
    file: StoredFile,
    media: FlvMedia,
    startByte: number,
    signal: AbortSignal,
  ): Promise<void> {
    const start = await awaitReading(file, media.startAt(startByte), { clock: viewer.clock, signal });
    signal.throwIfAborted();
    const beginning = start === undefined ? nothing : flvRestart(start.trackConfigs, start.timestampMs, 'standard');
    const first = start?.at ?? 0;
    const lengthBytes = beginning.length + file.lengthBytes - first;
    if (viewer.request.method === 'HEAD') {
      writeHead(viewer, lengthBytes);
      viewer.response.end();
      return;
    }
    followBody(viewer.response, {
      legs: [{ range: { first, last: file.lengthBytes - 1 } }],
      open: (range, onProgress) => range && file.openReader(range, onProgress),
      writeHead: () => {
        writeHead(viewer, lengthBytes);
        viewer.response.write(beginning);
      },
    });
  }

  /** Another file as FLV. */
  async #giveAsFlv(
    viewer: Viewer,
    file: StoredFile,
    startByte: number | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const client = flvClientOf(viewer.request.headers['user-agent']);
    const trackConfigs = file.media.trackConfigs.filter((config) => isTaken(config, client));
    const [leading] = file.media.trackConfigs;
    if (leading === undefined || !trackConfigs.includes(leading)) {
      deliverPlain(viewer, notTaken(leading?.codec ?? 'nothing'));
      return;
    }
    const { dialect } = client;
    const { beginning, lengthBytes, fromMs } = await this.#laidOut(file, { trackConfigs, dialect }, startByte);
    signal.throwIfAborted();
    writeHead(viewer, lengthBytes);
    if (viewer.request.method === 'HEAD') {
      viewer.response.end();
      return;
    }
    const { clock, log } = this.#options.context;
    const download = new FlvDownload({
      file,
      taker: downloadTaker(viewer.response),
      beginning,
      fromMs,
      trackConfigs,
      dialect,
      clock,
      onFailed: (error) => log.warn({ err: error, path: file.path }, 'a file given as FLV has broken off'),
    });
    viewer.response.once('close', () => download.end());
    download.start();
  }

  async #laidOut(
    { media }: StoredFile,
    selection: { readonly trackConfigs: readonly TrackConfig[]; readonly dialect: FlvClientCapabilities['dialect'] },
    startByte: number | undefined,
  ): Promise<FlvAnswer> {
    const layout = media instanceof Mp4Media ? await this.#layouts.of(media, selection) : undefined;
    if (layout === undefined) {
      return { beginning: flvBeginningWithoutLayout(media, selection), lengthBytes: undefined, fromMs: 0 };
    }
    const from = startByte === undefined ? undefined : keyframeAt(layout, startByte);
    if (from === undefined) return { beginning: layout.beginning, lengthBytes: layout.lengthBytes, fromMs: 0 };
    const beginning = flvRestart(selection.trackConfigs, from.timeMs, selection.dialect);
    return { beginning, lengthBytes: beginning.length + layout.lengthBytes - from.offset, fromMs: from.timeMs };
  }
}

const nothing = new Uint8Array(0);

/** Further tracks are nothing to players of old. */
function isTaken(config: TrackConfig, client: FlvClientCapabilities): boolean {
  return config.trackId === 0 && wireFormOf(config, client) === 'send';
}

function writeHead({ response, edge, cors, requestId }: Viewer, lengthBytes: number | undefined): void {
  response.writeHead(200, [
    'Content-Type',
    'video/x-flv',
    ...(lengthBytes === undefined ? [] : ['Content-Length', String(lengthBytes)]),
    'Accept-Ranges',
    'none',
    'Cache-Control',
    'no-store',
    'X-Content-Type-Options',
    'nosniff',
    'X-Cache',
    'Miss from streamfront',
    'Cache-Status',
    formatCacheStatus(edge.cacheName, { kind: 'own', detail: 'FLV_MADE' }),
    ...ownAnswerFields(edge, { cors, requestId }),
  ]);
}

/** What players of old put behind the address; anything but a number of bytes means the beginning. */
function startOf(query: string): number | undefined {
  const start = new URLSearchParams(query).get('start');
  return start !== null && /^\d{1,15}$/.test(start) ? Number(start) : undefined;
}

function refusalOf({ code, sentence, statusCode }: PlayRefused): PlainAnswer {
  if (code === countryPlayRefusal.code) return countryRefusal;
  if (statusCode === 'NetStream.Play.Unauthorized') return grantRefusal('absent');
  return code === 'PLAY_FILE_UNAVAILABLE'
    ? { status: 503, title: 'Not now', sentence, code, fields: ['Retry-After', '1'] }
    : failure(code, sentence);
}

function failure(code: string, sentence: string): PlainAnswer {
  return { status: 502, title: 'Damaged', sentence, code };
}

function notTaken(codec: string): PlainAnswer {
  return {
    status: 406,
    title: 'Not for this player',
    sentence: `The file holds ${codec}, which this player does not take in FLV. The same address with .mp4 has it as it is.`,
    code: 'FLV_CODEC_NOT_TAKEN',
  };
}

function viewerLeft(): AccessError {
  return new AccessError('FLV_VIEWER_LEFT', 'the viewer left before the file was found');
}
