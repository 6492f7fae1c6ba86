import type { IncomingMessage, ServerResponse } from 'node:http';
import sirv from 'sirv';
import { totalLength } from '../base/byte-pieces.ts';
import { preflightFields } from '../formats/http-fields/cors.ts';
import { selectRanges } from '../policy/range-selection.ts';
import { parseRequestTarget } from '../policy/request-target.ts';
import { type HeldBytes, ownBytes } from '../stores/segment-window.ts';
import type { LibraryResponder } from './library/library-responder.ts';
import { corsFields, type Fields, livePrefix, liveReply, liveTarget, sentenceReply } from './live-reply.ts';
import type { LiveAnswer, LiveResponder } from './live-responder.ts';

const libraryPrefix = '/library/';
const noBytes = ownBytes(new Uint8Array(0));

/**
 * The origin's HTTP: what is below `/live/` from the live streams, below `/library/` from the library, everything else from
 * the site's directory.
 */
export function httpRoutes(
  live: LiveResponder,
  siteDirectory: string | undefined,
  library?: LibraryResponder,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const site = siteDirectory === undefined ? undefined : siteFiles(siteDirectory);
  return async (request, response) => {
    const { method } = request;
    if (method === 'OPTIONS') {
      const fields: Fields = [...corsFields, ...preflightFields, ['Allow', 'GET, HEAD, OPTIONS']];
      send(request, response, 204, fields, noBytes);
      return;
    }
    if (method !== 'GET' && method !== 'HEAD') {
      const allow = ['Allow', 'GET, HEAD, OPTIONS'] as const;
      sendSentence(request, response, 405, 'only GET, HEAD and OPTIONS are understood here', [allow]);
      return;
    }
    const target = parseRequestTarget(request.url ?? '/');
    if (target.kind !== 'resource') {
      sendSentence(request, response, 404, 'there is nothing here: the URL is malformed');
      return;
    }
    if (target.path.startsWith(livePrefix)) {
      await answerLive(live, request, response, target.path, new URLSearchParams(target.query));
      return;
    }
    if (library !== undefined && target.path.startsWith(libraryPrefix)) {
      const refusal = await library.answer(
        request,
        response,
        target.path.slice(libraryPrefix.length),
        corsFields.flat(),
      );
      if (refusal !== undefined) sendSentence(request, response, refusal.status, refusal.sentence, refusal.fields);
      return;
    }
    const nothing = () => sendSentence(request, response, 404, 'there is no such page');
    if (site === undefined) nothing();
    else site(request, response, nothing);
  };
}

async function answerLive(
  live: LiveResponder,
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  query: URLSearchParams,
): Promise<void> {
  if (path === `${livePrefix}streams.json`) {
    sendLive(request, response, live.streams());
    return;
  }
  const target = liveTarget(path);
  if (target === undefined) {
    sendSentence(request, response, 404, 'there is nothing here; a stream is at /live/NAME/index.m3u8');
    return;
  }
  const left = new AbortController();
  response.once('close', () => left.abort());
  sendLive(request, response, await live.answer(target.name, target.rest, query, left.signal));
}

function sendLive(request: IncomingMessage, response: ServerResponse, answer: LiveAnswer): void {
  if (answer.kind === 'nobody') return;
  if (answer.kind === 'media') {
    sendMedia(request, response, answer);
    return;
  }
  const { status, fields, body } = liveReply(answer, request.headers['accept-encoding']);
  send(request, response, status, fields, body);
}

/** Media, or the one range of it that is asked for (RFC 9110 §14.2); several ranges get it whole. */
function sendMedia(
  request: IncomingMessage,
  response: ServerResponse,
  answer: Extract<LiveAnswer, { kind: 'media' }>,
): void {
  const { status, fields, body } = liveReply(answer, undefined);
  const lengthBytes = totalLength(body.pieces);
  const { range } = request.headers;
  // Without validators no If-Range can hold (RFC 9110 §13.1.5).
  const isRanged = range !== undefined && request.method === 'GET' && request.headers['if-range'] === undefined;
  const selection = isRanged ? selectRanges(range, lengthBytes) : { kind: 'whole' as const };
  switch (selection.kind) {
    case 'whole':
    case 'multiple':
      send(request, response, status, fields, body);
      return;
    case 'single': {
      const { first, last } = selection.range;
      const contentRange = ['Content-Range', `bytes ${first}-${last}/${lengthBytes}`] as const;
      const pieces = piecesWithin(body.pieces, first, last);
      send(request, response, 206, [...fields, contentRange], { ...body, pieces });
      return;
    }
    case 'unsatisfiable':
      body.release();
      sendSentence(request, response, 416, `it has ${lengthBytes} bytes`, [
        ['Content-Range', `bytes */${lengthBytes}`],
      ]);
  }
}

/** Both positions are inclusive. */
function piecesWithin(pieces: readonly Uint8Array[], first: number, last: number): Uint8Array[] {
  const within: Uint8Array[] = [];
  let offset = 0;
  for (const piece of pieces) {
    const [from, to] = [Math.max(0, first - offset), Math.min(piece.length, last + 1 - offset)];
    if (from < to) within.push(piece.subarray(from, to));
    offset += piece.length;
  }
  return within;
}

function sendSentence(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  sentence: string,
  fields: Fields = [],
): void {
  const reply = sentenceReply(status, sentence, fields);
  send(request, response, status, reply.fields, reply.body);
}

/** One head, one write for each piece, all in one go. The body is released when the system has all of it, or the connection is gone. */
function send(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  fields: Fields,
  body: HeldBytes,
): void {
  if (response.closed) body.release();
  else response.once('close', () => body.release());
  const { pieces } = body;
  const length = totalLength(pieces);
  const flat = fields.flat();
  response.writeHead(status, status === 204 ? flat : [...flat, 'Content-Length', String(length)]);
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  response.cork();
  for (const piece of pieces) response.write(piece);
  response.end();
  response.uncork();
}

type SiteFiles = (request: IncomingMessage, response: ServerResponse, next: () => void) => void;

/** The player page: names below `/assets/` carry a hash of their content, the others stay and change. */
function siteFiles(directory: string): SiteFiles {
  return sirv(directory, {
    etag: true,
    setHeaders: (response, pathname) => {
      const hashed = pathname.startsWith('/assets/');
      response.setHeader('Cache-Control', hashed ? 'public, max-age=31536000, immutable' : 'public, max-age=5');
    },
  });
}
