import { LimitError } from '../base/errors.ts';
import type { WaitOutcome } from '../stores/change-waiters.ts';
import { type HeldBytes, holdParts, ownBytes, type StoredPart } from '../stores/segment-window.ts';
import type { PlaylistTargets } from '../policy/target-duration.ts';
import {
  type AwaitedState,
  iFrameTooFarAhead,
  isReached,
  parseDeliveryDirectives,
  type Skip,
  tooFarAhead,
} from './blocking-reload.ts';
import { EncodedText } from './encoded-text.ts';
import type { LiveChannels } from './live-channel.ts';
import { type LivePath, parseLivePath, partPath, segmentPath } from './live-paths.ts';
import type { Packager } from './packager.ts';
import type { Rendition } from './rendition.ts';
import { type StreamFacts, streamsList } from './streams-list.ts';

/** What is to be said to a request for a live stream. */
export type LiveAnswer =
  | {
      readonly kind: 'text';
      readonly contentType: string;
      readonly cacheControl: string;
      readonly text: EncodedText;
    }
  | {
      readonly kind: 'media';
      readonly contentType: string;
      readonly cacheControl: string;
      /** To be released by who got the answer, whatever becomes of it. */
      readonly body: HeldBytes;
    }
  | {
      readonly kind: 'refusal';
      readonly status: 400 | 404 | 503;
      readonly sentence: string;
    }
  /** The client has left. */
  | { readonly kind: 'nobody' };

/** How long a stream that is published has until its first playlist. */
const firstPlaylistDeadlineMs = 10_000;
/** Slack for the part after next to come later than it should. */
const hintedPartSlackMs = 2_000;
const immutable = 'public, max-age=31536000, immutable';
const otherLife = 'this is of another life of the stream, or of no rendition of it';
const playlistType = 'application/vnd.apple.mpegurl';

/** Answers requests below `/live/`. Knows nothing of HTTP beyond the words of its answers. */
export class LiveResponder {
  readonly #channels: LiveChannels;
  readonly #facts: Partial<StreamFacts>;

  constructor(channels: LiveChannels, facts: Partial<StreamFacts> = {}) {
    this.#channels = channels;
    this.#facts = facts;
  }

  streams(): LiveAnswer {
    return {
      kind: 'text',
      contentType: 'application/json',
      cacheControl: 'public, max-age=1',
      text: new EncodedText(`${JSON.stringify(streamsList(this.#channels.list(), this.#facts))}\n`),
    };
  }

  /** `rest` is what follows `/live/NAME/`. `signal` aborts when the client leaves. */
  async answer(name: string, rest: string, query: URLSearchParams, signal: AbortSignal): Promise<LiveAnswer> {
    const channel = this.#channels.get(`live/${name}`);
    if (channel === undefined) return notFound(`there is no live stream "${name}"`);
    const { packager } = channel;
    const path = parseLivePath(rest);
    if (path === undefined) return notFound('a live stream has nothing at this path');
    const reading = channel.watched(path.kind === 'part' || query.has('_HLS_msn'));
    if (reading !== undefined) await reading;
    try {
      const answer = await answerTo(packager, path, query, signal);
      if (answer.kind !== 'text' || packager.ended) return answer;
      // While this origin is away, edges may say what it has said last for as long as the stream can come back with it.
      const { longestAbsenceSeconds } = this.#channels;
      return { ...answer, cacheControl: `${answer.cacheControl}, stale-if-error=${longestAbsenceSeconds}` };
    } catch (error) {
      if (error instanceof LimitError) return { kind: 'refusal', status: 503, sentence: error.message };
      throw error;
    }
  }
}

async function answerTo(
  packager: Packager,
  path: LivePath,
  query: URLSearchParams,
  signal: AbortSignal,
): Promise<LiveAnswer> {
  switch (path.kind) {
    case 'multivariant':
      return multivariantPlaylist(packager, signal);
    case 'media-playlist':
    case 'i-frame-playlist':
      return mediaPlaylist(packager, path, query, signal);
    case 'transport-multivariant':
      return transportMultivariantPlaylist(packager, signal);
    case 'transport-playlist':
      return transportPlaylist(packager, path.rendition, signal);
    case 'transport-segment':
      return transportSegment(packager, path);
    case 'key':
      return keyAnswer(packager, path.id);
    default:
      return media(packager, path, signal);
  }
}

async function multivariantPlaylist(packager: Packager, signal: AbortSignal): Promise<LiveAnswer> {
  const failure = await untilComplete(packager, signal);
  if (failure !== undefined) return failure;
  const text = packager.multivariantPlaylist();
  return text === undefined ? notYet() : playlistAnswer(text, plainMaxAge(packager));
}

async function transportMultivariantPlaylist(packager: Packager, signal: AbortSignal): Promise<LiveAnswer> {
  const failure = await untilComplete(packager, signal);
  if (failure !== undefined) return failure;
  const text = packager.transport.multivariantPlaylist();
  if (text !== undefined) return playlistAnswer(text, plainMaxAge(packager));
  const variant = packager.transport.variant(undefined);
  return typeof variant === 'string' ? notFound(variant) : notYet();
}

/** Who knows no better does not ask for what is to come: delivery directives mean nothing here. */
async function transportPlaylist(
  packager: Packager,
  name: string | undefined,
  signal: AbortSignal,
): Promise<LiveAnswer> {
  const failure = await (name === undefined ? untilComplete : untilPlayable)(packager, signal);
  if (failure !== undefined) return failure;
  const variant = packager.transport.variant(name);
  if (typeof variant === 'string') return notFound(variant);
  const text = packager.transport.playlist(variant);
  return text === undefined ? notYet() : playlistAnswer(text, plainMaxAge(packager));
}

function transportSegment(
  packager: Packager,
  { epoch, rendition, msn }: LivePath & { readonly kind: 'transport-segment' },
): LiveAnswer {
  const variant = epoch === packager.epoch ? packager.transport.variant(rendition) : otherLife;
  if (typeof variant === 'string') return notFound(variant);
  return mediaAnswer('video/mp2t', packager.transport.segment(variant, msn));
}

/** What a request can wait for, and what it gets then. */
interface AwaitedPlaylist {
  /** Without this there is nothing to send, so that who asks for nothing waits for it too. */
  readonly least: AwaitedState | undefined;
  tooFarAhead(awaited: AwaitedState, targets: PlaylistTargets): string | undefined;
  isReached(awaited: AwaitedState): boolean;
  text(skip: Skip | undefined): EncodedText | undefined;
}

async function mediaPlaylist(
  packager: Packager,
  path: LivePath & { readonly kind: 'media-playlist' | 'i-frame-playlist' },
  query: URLSearchParams,
  signal: AbortSignal,
): Promise<LiveAnswer> {
  // Behind EXT-X-ENDLIST they say nothing any more (rfc8216bis §6.2.5.1 and §6.2.5.2).
  const directives = parseDeliveryDirectives(packager.ended ? new URLSearchParams() : query);
  if (directives.kind === 'bad') return { kind: 'refusal', status: 400, sentence: directives.sentence };
  const failure = await untilPlayable(packager, signal);
  if (failure !== undefined) return failure;
  const rendition = packager.renditions.find((candidate) => candidate.name === path.rendition);
  if (rendition === undefined) return notFound(`this stream has no rendition "${path.rendition}"`);
  const playlist = path.kind === 'media-playlist' ? ofParts(packager, rendition) : ofIFrames(packager, rendition);
  if (playlist === undefined)
    return notFound('there are no I-frames of sound, nor of segments that are encrypted as a whole');
  const { awaited, skip } = directives;
  const refusal = await untilReached(packager, playlist, awaited ?? playlist.least, signal);
  if (refusal !== undefined) return refusal;
  const text = playlist.text(packager.ended ? undefined : skip);
  if (text === undefined) return notYet();
  const blocked = awaited !== undefined && !packager.ended;
  return playlistAnswer(text, blocked ? 6 * (packager.targets?.targetDurationSeconds ?? 1) : plainMaxAge(packager));
}

function ofParts(packager: Packager, rendition: Rendition): AwaitedPlaylist {
  const { window } = rendition;
  return {
    least: undefined,
    tooFarAhead: (awaited, targets) => tooFarAhead(window, targets, awaited),
    isReached: (awaited) => isReached(window, awaited),
    text: (skip) => packager.mediaPlaylist(rendition, skip),
  };
}

/** It announces no updates, so it is always whole. */
function ofIFrames(packager: Packager, rendition: Rendition): AwaitedPlaylist | undefined {
  const iFrames = packager.keys?.encryptsWholeFiles === true ? undefined : rendition.iFrames;
  return (
    iFrames && {
      least: { msn: iFrames.mediaSequence, part: undefined },
      tooFarAhead: (awaited) => iFrameTooFarAhead(iFrames, awaited),
      isReached: ({ msn }) => iFrames.lastMsn >= msn,
      text: () => packager.iFramePlaylist(rendition),
    }
  );
}

/** rfc8216bis §6.2.5.2. A stream that ends meanwhile has nothing more to wait for. */
async function untilReached(
  packager: Packager,
  playlist: AwaitedPlaylist,
  awaited: AwaitedState | undefined,
  signal: AbortSignal,
): Promise<LiveAnswer | undefined> {
  const { targets } = packager;
  if (packager.ended || targets === undefined || awaited === undefined) return undefined;
  const sentence = playlist.tooFarAhead(awaited, targets);
  if (sentence !== undefined) return { kind: 'refusal', status: 400, sentence };
  const outcome = await packager.changes.wait(
    () => playlist.isReached(awaited),
    3_000 * targets.targetDurationSeconds,
    signal,
  );
  return refusalAfter(packager, outcome, 'what was asked for has not come within three target durations');
}

/** Players read some playlists once: what is on its way is worth a moment. Without it the others are all there is. */
async function untilComplete(packager: Packager, signal: AbortSignal): Promise<LiveAnswer | undefined> {
  const failure = await untilPlayable(packager, signal);
  if (failure !== undefined) return failure;
  const outcome = await packager.changes.wait(() => packager.awaited.areListed, packager.awaited.leftMs, signal);
  return outcome === 'aborted' ? { kind: 'nobody' } : undefined;
}

async function untilPlayable(packager: Packager, signal: AbortSignal): Promise<LiveAnswer | undefined> {
  const outcome = await packager.changes.wait(() => packager.isPlayable, firstPlaylistDeadlineMs, signal);
  if (outcome === 'closed' && packager.ended) return notFound('the stream ended before there was anything to play');
  return refusalAfter(packager, outcome, 'the stream has begun, but there is nothing to play yet');
}

function refusalAfter({ ended }: Packager, outcome: WaitOutcome, sentence: string): LiveAnswer | undefined {
  switch (outcome) {
    case 'aborted':
      return { kind: 'nobody' };
    case 'deadline':
      return { kind: 'refusal', status: 503, sentence };
    case 'met':
      return undefined;
    // The playlist of now is not what was asked for, unless nothing will follow.
    case 'closed':
      return ended ? undefined : { kind: 'refusal', status: 503, sentence: 'this server is shutting down' };
  }
}

async function media(
  packager: Packager,
  path: LivePath & { readonly kind: 'init' | 'segment' | 'part' },
  signal: AbortSignal,
): Promise<LiveAnswer> {
  const rendition = path.epoch === packager.epoch ? packager.rendition(path.rendition) : undefined;
  if (rendition === undefined) return notFound(otherLife);
  switch (path.kind) {
    case 'init':
      return mediaAnswer(contentTypeOf(rendition), rendition.init(path.index));
    case 'segment':
      return segmentAnswer(packager, rendition, path.msn, rendition.window.segment(path.msn)?.parts);
    case 'part':
      return await part(packager, rendition, path, signal);
  }
}

/**
 * The part that a PRELOAD-HINT names is held until it is whole (rfc8216bis §6.2.6), if it comes at all. The first of the next
 * segment is held too when another of the open one comes before it: edges remember for a second that there is no such part,
 * and would tell who asks then when it is there.
 */
async function part(
  packager: Packager,
  rendition: Rendition,
  { msn, part: index }: { readonly msn: number; readonly part: number },
  signal: AbortSignal,
): Promise<LiveAnswer> {
  const { window } = rendition;
  const mayCome = () => packager.isPublished && window.mayComeNext(msn, index);
  const { targets } = packager;
  if (window.part(msn, index) === undefined && mayCome() && targets !== undefined) {
    const deadlineMs = 3 * targets.partTargetMs + hintedPartSlackMs;
    const outcome = await packager.changes.wait(() => !mayCome(), deadlineMs, signal);
    if (outcome === 'aborted') return { kind: 'nobody' };
  }
  const found = window.part(msn, index);
  return segmentAnswer(packager, rendition, msn, found && [found], index);
}

/** A segment, or one part of it, encrypted where the stream is. */
function segmentAnswer(
  { keys, epoch }: Packager,
  rendition: Rendition,
  msn: number,
  parts: readonly StoredPart[] | undefined,
  part?: number,
): LiveAnswer {
  const held = parts && holdParts(parts);
  if (keys?.encryptsWholeFiles !== true || held === undefined) return mediaAnswer(contentTypeOf(rendition), held);
  const path =
    part === undefined ? segmentPath(epoch, rendition.name, msn) : partPath(epoch, rendition.name, msn, part);
  try {
    return mediaAnswer(contentTypeOf(rendition), keys.encrypted(path, msn, held.pieces));
  } finally {
    held.release();
  }
}

/** Nobody may keep it: who may have it is asked each time. */
function keyAnswer({ keys }: Packager, id: string): LiveAnswer {
  const bytes = keys?.bytesOf(id);
  if (bytes === undefined) return notFound('there is no such key, or it is needed no more');
  return {
    kind: 'media',
    contentType: 'application/octet-stream',
    cacheControl: 'private, no-store',
    body: ownBytes(bytes),
  };
}

function contentTypeOf({ kind }: Rendition): string {
  return `${kind}/mp4`;
}

function mediaAnswer(contentType: string, body: Uint8Array | HeldBytes | undefined): LiveAnswer {
  if (body === undefined) return notFound('there is no such segment, or it is there no more');
  return {
    kind: 'media',
    contentType,
    cacheControl: immutable,
    body: body instanceof Uint8Array ? ownBytes(body) : body,
  };
}

function playlistAnswer(text: EncodedText, maxAgeSeconds: number): LiveAnswer {
  return { kind: 'text', contentType: playlistType, cacheControl: `public, max-age=${maxAgeSeconds}`, text };
}

/** Half a TARGETDURATION. */
function plainMaxAge({ targets }: Packager): number {
  return Math.max(1, Math.floor((targets?.targetDurationSeconds ?? 2) / 2));
}

function notFound(sentence: string): LiveAnswer {
  return { kind: 'refusal', status: 404, sentence };
}

function notYet(): LiveAnswer {
  return { kind: 'refusal', status: 503, sentence: 'there is nothing to play yet' };
}
