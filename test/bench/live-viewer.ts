import { Agent, get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';

/** An answer, and when its last byte had come. */
export interface Answer {
  readonly status: number;
  readonly body: Buffer;
  readonly atMs: number;
}

/** A viewer's connections to one server. */
export class ViewerConnections implements Disposable {
  readonly #agent: Agent;
  readonly #url: string;

  constructor(url: string, maxConnections = 8) {
    this.#url = url;
    this.#agent = new Agent({ keepAlive: true, maxSockets: maxConnections });
  }

  /** As a browser asks: with compressed playlists. */
  get(path: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const options = { agent: this.#agent, headers: { 'Accept-Encoding': 'gzip' } };
      get(`${this.#url}${path}`, options, (response) => {
        const pieces: Buffer[] = [];
        response.on('data', (piece: Buffer) => pieces.push(piece));
        response.once('error', reject);
        response.once('end', () => {
          const atMs = performance.now();
          const bytes = Buffer.concat(pieces);
          const body = response.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes;
          resolve({ status: response.statusCode ?? 0, body, atMs });
        });
      }).once('error', reject);
    });
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}

/** A part that was asked for before it was there, and the playlist that lists it, held by the server likewise. */
export interface HeldPart {
  readonly bytes: Buffer;
  readonly partAtMs: number;
  readonly playlistAtMs: number;
}

/** The part that a playlist says will come next; `folder` is its path up to the file's name. */
export interface PromisedPart {
  readonly folder: string;
  readonly msn: string;
  readonly part: string;
}

export function promisedPart(playlist: string): PromisedPart | undefined {
  const [, folder, msn, part] = /^#EXT-X-PRELOAD-HINT:TYPE=PART,URI="([^"]*\/)(\d+)\.(\d+)\.m4s"/m.exec(playlist) ?? [];
  return folder === undefined || msn === undefined || part === undefined ? undefined : { folder, msn, part };
}

/**
 * Follows one rendition as low-latency players do: it holds a request for the part that is to come and one for the playlist
 * that will list it. Ends when `signal` is aborted.
 */
export async function followRendition(
  connections: ViewerConnections,
  { stream, rendition }: { readonly stream: string; readonly rendition: string },
  signal: AbortSignal,
  onPart: (part: HeldPart) => void = () => {},
): Promise<void> {
  const folder = `/live/${stream}`;
  let playlist = await playable(connections, `${folder}/${rendition}.m3u8`, signal);
  while (!signal.aborted) {
    const promised = promisedPart(playlist);
    if (promised === undefined) throw new Error(`${stream}/${rendition} promises no part`);
    const { msn, part } = promised;
    const [held, next] = await Promise.all([
      connections.get(`${folder}/${promised.folder}${msn}.${part}.m4s`),
      connections.get(`${folder}/${rendition}.m3u8?_HLS_msn=${msn}&_HLS_part=${part}`),
    ]);
    if (signal.aborted) return;
    if (next.status !== 200) throw new Error(`a blocked playlist was answered ${next.status}: ${next.body.toString()}`);
    playlist = next.body.toString();
    // A segment may end without the part that was to come: the first of the next one took its place.
    if (held.status === 200) onPart({ bytes: held.body, partAtMs: held.atMs, playlistAtMs: next.atMs });
  }
}

const pollMs = 1_000;

/** Follows one rendition as players without low latency do: it looks at the playlist each second, and gets each new segment. */
export async function pollRendition(
  connections: ViewerConnections,
  { stream, rendition }: { readonly stream: string; readonly rendition: string },
  signal: AbortSignal,
): Promise<void> {
  const folder = `/live/${stream}`;
  let playlist = await playable(connections, `${folder}/${rendition}.m3u8`, signal);
  let newest: string | undefined;
  while (!signal.aborted) {
    const segment = [...playlist.matchAll(/^(?!#).+$/gm)].at(-1)?.[0];
    if (segment !== undefined && segment !== newest) {
      const { status } = await connections.get(`${folder}/${segment}`);
      if (status !== 200) throw new Error(`a listed segment was answered ${status}`);
      newest = segment;
    }
    await sleep(pollMs, undefined, { signal }).catch(() => {});
    if (signal.aborted) return;
    const next = await connections.get(`${folder}/${rendition}.m3u8`);
    if (next.status !== 200) throw new Error(`a playlist was answered ${next.status}`);
    playlist = next.body.toString();
  }
}

async function playable(connections: ViewerConnections, path: string, signal: AbortSignal): Promise<string> {
  const deadlineMs = performance.now() + 20_000;
  while (!signal.aborted) {
    const answer = await connections.get(path);
    if (answer.status === 200) return answer.body.toString();
    if (performance.now() > deadlineMs) throw new Error(`${path} is answered ${answer.status}`);
    await sleep(50);
  }
  return '';
}
