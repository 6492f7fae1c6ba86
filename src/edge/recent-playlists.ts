import { gunzipSync } from 'node:zlib';
import { fieldValue, type FieldLines, withoutFields } from '../formats/http-fields/field-lines.ts';
import {
  type LiveEnd,
  liveEnd,
  type ReceivedPlaylist,
  receivedPlaylist,
  receivedPlaylistText,
  updatedPlaylist,
} from '../formats/m3u8/received-playlist.ts';
import type { BanList } from '../policy/ban-list.ts';
import type { FreshnessFacts } from '../policy/freshness.ts';
import { CachedResponse, type ResponseHead } from './edge-response.ts';
import { isPlainlySelected } from './plain-variant.ts';

/** What a request for a live playlist asks for (rfc8216bis §6.2.5), and what names the playlist whatever is asked of it. */
export interface PlaylistRequest {
  /** The cache key without delivery directives. */
  readonly playlistKey: string;
  /** The state that it waits for. */
  readonly awaited: { readonly msn: number; readonly part: number | undefined } | undefined;
  /** An update may answer it. */
  readonly skips: boolean;
}

/** The newest state of a playlist that has come, in place of one that does not come. */
export interface NewestPlaylist {
  readonly response: CachedResponse;
  readonly targetDurationSeconds: number;
  /** It holds what the request waits for. */
  readonly isReached: boolean;
  /** It is not older than what a viewer may have seen who waits for that. */
  readonly isJustBefore: boolean;
}

/** When a playlist in it may stand in no more, and when its origin could not be reached last; monotonic. */
interface LiveFolder {
  readonly standsUntilMs: number;
  lostMs: number;
}

/** Of all together; those that have not been heard of for the longest time go first. */
const maxBytes = 33_554_432;
const maxFolders = 10_000;
/** Beyond this they are put together. */
const maxAnswers = 16;
/** Larger ones (days of a stream to go back) are not held beside the cache. */
const maxPlaylistBytes = 262_144;
/** Updates leave out nothing of the last six TARGETDURATIONs, which are a second at least: so much may lie between two. */
const updatesApartMs = 4_000;
/** Without directives nothing tells a live playlist but that it is good for a moment. */
const longestLifetimeMs = 10_000;
/** What stands in for what failed is asked for again soon. */
const standInLifetimeMs = 1_000;
/** hls.js asks again after eight seconds at most, of its new playlist then; at a 404 it gives up. */
const forgivenMs = 15_000;
const mediaName = /\.(?:m4[asv]|mp4|ts|aac|cmf[atv])(?:\?|$)/;
const playlistTypes = new Set(['application/vnd.apple.mpegurl', 'application/x-mpegurl', 'audio/mpegurl']);

/**
 * The last answers to requests for each live playlist, whatever they asked for. Players of low-latency HLS ask for a state
 * at a time, and most of those answers are updates, which say nothing by themselves: when the origin fails, what is
 * stored under one key is too old, or too little. Until then nothing is done with the answers but to hold on to them.
 */
export class RecentPlaylists {
  /** The one that was heard of last is last. Of each the oldest answer is whole, what follows are updates. */
  readonly #answers = new Map<string, readonly CachedResponse[]>();
  /** Where there are live playlists. The one that was heard of last is last. */
  readonly #folders = new Map<string, LiveFolder>();
  readonly #bans: BanList;
  #bytes = 0;

  constructor(bans: BanList) {
    this.#bans = bans;
  }

  /** An answer of the origin that is whole and for everybody. */
  note({ playlistKey, awaited, skips }: PlaylistRequest, answer: CachedResponse): void {
    const { head, lengthBytes } = answer;
    const { facts, fields, status } = head;
    const type = fieldValue(fields, 'content-type')?.split(';')[0]?.trim().toLowerCase() ?? '';
    const isLive = awaited !== undefined || facts.lifetimeMs <= longestLifetimeMs;
    const isForAll = isPlainlySelected(head);
    if (status !== 200 || !isLive || !isForAll || !playlistTypes.has(type) || lengthBytes > maxPlaylistBytes) return;
    this.#noteFolder(playlistKey.slice(0, playlistKey.split('?', 1)[0]?.lastIndexOf('/')), facts);
    const answers = skips ? (this.#answers.get(playlistKey) ?? []) : [];
    if (skips && answers.length === 0) return;
    const beforeLastMs = answers.at(-2)?.head.facts.receivedMs ?? -Infinity;
    const kept = facts.receivedMs - beforeLastMs < updatesApartMs ? answers.slice(0, -1) : answers;
    this.#set(playlistKey, [...kept, answer]);
    if (kept.length >= maxAnswers) this.#putTogether(playlistKey);
    while (this.#bytes > maxBytes) this.#set(this.#answers.keys().next().value ?? '', []);
  }

  /** `undefined` when nothing whole has come, it was banned since, or the stream is over. */
  newest({ playlistKey, awaited }: PlaylistRequest): NewestPlaylist | undefined {
    const newest = this.#putTogether(playlistKey);
    if (newest === undefined) return undefined;
    const { response, whole } = newest;
    if (whole.ended || this.#bans.isBanned(playlistKey, response.tags, response.sequence)) return undefined;
    const end = liveEnd(whole);
    return {
      response,
      targetDurationSeconds: whole.targetDurationSeconds,
      isReached:
        awaited === undefined ||
        isAtOrPast(
          end,
          awaited.part === undefined ? { msn: awaited.msn, parts: 0 } : partEnd(awaited.msn, awaited.part),
        ),
      isJustBefore: awaited === undefined || isAtOrPast(end, partEnd(awaited.msn, (awaited.part ?? 0) - 1)),
    };
  }

  /**
   * The origin of this cannot be reached. Returns whether it is media below the folder of a live playlist that may stand
   * in: it is listed there, or will be.
   */
  noteLoss(cacheKey: string, nowMs: number): boolean {
    const folder = this.#folderAbove(cacheKey);
    if (folder === undefined) return false;
    folder.lostMs = nowMs;
    return mediaName.test(cacheKey) && nowMs < folder.standsUntilMs;
  }

  /** Whether it is media that viewers may still ask for because the origin said so before it was away. */
  maybeLost(cacheKey: string, nowMs: number): boolean {
    return mediaName.test(cacheKey) && nowMs - (this.#folderAbove(cacheKey)?.lostMs ?? -Infinity) < forgivenMs;
  }

  #folderAbove(cacheKey: string): LiveFolder | undefined {
    for (let end = cacheKey.lastIndexOf('/'); end > 0; end = cacheKey.lastIndexOf('/', end - 1)) {
      const folder = this.#folders.get(cacheKey.slice(0, end));
      if (folder !== undefined) return folder;
    }
    return undefined;
  }

  #noteFolder(name: string, { receivedMs, lifetimeMs, staleOnDisconnectMs }: FreshnessFacts): void {
    const lostMs = this.#folders.get(name)?.lostMs ?? -Infinity;
    this.#folders.delete(name);
    this.#folders.set(name, { standsUntilMs: receivedMs + lifetimeMs + staleOnDisconnectMs, lostMs });
    const oldest = this.#folders.size > maxFolders ? this.#folders.keys().next().value : undefined;
    if (oldest !== undefined) this.#folders.delete(oldest);
  }

  /** Puts the newest answers together, in place of them. */
  #putTogether(
    playlistKey: string,
  ): { readonly response: CachedResponse; readonly whole: ReceivedPlaylist } | undefined {
    let whole: ReceivedPlaylist | undefined;
    let head: ResponseHead | undefined;
    for (const answer of this.#answers.get(playlistKey) ?? []) {
      const received = playlistIn(answer);
      const updated = received && whole && received.skip !== undefined ? updatedPlaylist(whole, received) : received;
      if (updated === undefined || updated.skip !== undefined) continue;
      // Answers may overtake each other.
      if (whole !== undefined && !isAtOrPast(liveEnd(updated), liveEnd(whole))) continue;
      whole = updated;
      head = answer.head;
    }
    const response = whole && head && standIn(head, whole);
    this.#set(playlistKey, response === undefined ? [] : [response]);
    return whole && response && { response, whole };
  }

  #set(playlistKey: string, answers: readonly CachedResponse[]): void {
    this.#bytes += bytesOf(answers) - bytesOf(this.#answers.get(playlistKey) ?? []);
    this.#answers.delete(playlistKey);
    if (answers.length > 0) this.#answers.set(playlistKey, answers);
  }
}

function bytesOf(answers: readonly CachedResponse[]): number {
  return answers.reduce((sum, { costBytes }) => sum + costBytes, 0);
}

/** Where a playlist ends whose last part is this one; −1: whose last segment is the one before. */
function partEnd(msn: number, part: number): LiveEnd {
  return { msn: msn - 1, parts: part + 1 };
}

function isAtOrPast(end: LiveEnd, other: LiveEnd): boolean {
  return end.msn > other.msn || (end.msn === other.msn && end.parts >= other.parts);
}

function playlistIn({ head, body }: CachedResponse): ReceivedPlaylist | undefined {
  const coding = fieldValue(head.fields, 'content-encoding') ?? 'identity';
  if (coding === 'identity') return receivedPlaylist(body.toString());
  if (coding !== 'gzip') return undefined;
  try {
    return receivedPlaylist(gunzipSync(body, { maxOutputLength: 16 * maxPlaylistBytes }).toString());
  } catch {
    return undefined;
  }
}

/** For everybody, in no coding; its validators are of another text. */
function standIn(head: ResponseHead, playlist: ReceivedPlaylist): CachedResponse {
  const fields = withoutFields(head.fields, new Set(['cache-control', 'content-encoding', 'etag', 'last-modified']));
  const facts = { ...head.facts, lifetimeMs: Math.min(head.facts.lifetimeMs, standInLifetimeMs) };
  return new CachedResponse(
    { ...head, fields: [...fields, ...shortLived(head.fields)], facts },
    Buffer.from(receivedPlaylistText(playlist)),
  );
}

/** What was good for long because that state cannot change is not, where it stands for any state. */
function shortLived(fields: FieldLines): string[] {
  const said = fieldValue(fields, 'cache-control') ?? '';
  return ['Cache-Control', said.replace(/\bmax-age=\d+/gi, 'max-age=1')];
}

/** `undefined` where no playlist is asked for. */
export function playlistRequest(cacheKey: string, path: string): PlaylistRequest | undefined {
  if (!path.endsWith('.m3u8')) return undefined;
  const [address = '', query = ''] = cacheKey.split('?', 2);
  const parameters = query === '' ? [] : query.split('&');
  const others = parameters.filter((parameter) => !parameter.startsWith('_HLS_'));
  const directive = (name: string): number | undefined => {
    const digits = parameters.find((parameter) => parameter.startsWith(`${name}=`))?.slice(name.length + 1);
    return digits !== undefined && /^\d{1,15}$/.test(digits) ? Number(digits) : undefined;
  };
  const msn = directive('_HLS_msn');
  return {
    playlistKey: others.length === 0 ? address : `${address}?${others.join('&')}`,
    awaited: msn === undefined ? undefined : { msn, part: directive('_HLS_part') },
    skips: parameters.some((parameter) => parameter.startsWith('_HLS_skip=')),
  };
}
