import { gunzipSync, gzipSync } from 'node:zlib';
import { type FieldLines, fieldValue, withoutFields } from '../formats/http-fields/field-lines.ts';
import type { CachedResponse, GrowingResponse, ResponseHead } from './edge-response.ts';
import type { TokenCarriage } from './grant-carriage.ts';
import { type PlaylistTemplate, playlistTemplate } from './playlist-template.ts';

/** Of a playlist that tokens are put into, packed or not: days of a live stream have less. */
export const maxPlaylistBytes = 16_777_216;

const playlistTypes: ReadonlySet<string> = new Set([
  'application/vnd.apple.mpegurl',
  'application/x-mpegurl',
  'audio/mpegurl',
  'audio/x-mpegurl',
]);

/** Whether a grant goes on with this answer: a playlist, by its type, or by its name where stores know no type for it. */
export function isPlaylist({ fields, status }: ResponseHead, target: string): boolean {
  if (status !== 200) return false;
  const type = fieldValue(fields, 'content-type')?.split(';')[0]?.trim().toLowerCase() ?? '';
  return playlistTypes.has(type) || isPlaylistName(target);
}

/** Whether this is called as playlists are: path and query. */
export function isPlaylistName(target: string): boolean {
  return /\.m3u8?(?:\?|$)/.test(target);
}

/** By answer, then by whose addresses get tokens: found once, for all viewers. */
const templates = new WeakMap<object, Map<string, PlaylistTemplate | undefined>>();
/** Of one answer: more sites and folders than that are not remembered. */
const maxTemplates = 8;

/** The playlist with tokens in it; `undefined` where there is nothing to put them into, or it cannot be read. */
export function personalBody(
  given: CachedResponse | GrowingResponse,
  bodyOf: () => Buffer,
  carriage: TokenCarriage,
): Buffer | undefined {
  const template = templateOf(given, carriage, () => playlistText(given.head, bodyOf()));
  if (template === undefined || template.length === 1) return undefined;
  const text = Buffer.from(template.join(carriage.token), 'latin1');
  return codingOf(given.head) === 'identity' ? text : gzipSync(text, { level: 1 });
}

function templateOf(
  given: object,
  carriage: TokenCarriage,
  textOf: () => string | undefined,
): PlaylistTemplate | undefined {
  let known = templates.get(given);
  if (known === undefined) templates.set(given, (known = new Map<string, PlaylistTemplate | undefined>()));
  const name = `${carriage.folder} ${carriage.url}`;
  if (known.has(name)) return known.get(name);
  const text = textOf();
  const template = text === undefined ? undefined : playlistTemplate(text, carriage);
  if (known.size < maxTemplates) known.set(name, template);
  return template;
}

/** A playlist, a character for each byte; `undefined` where it cannot be read. */
export function playlistText(head: ResponseHead, body: Buffer): string | undefined {
  const coding = codingOf(head);
  if (coding === 'identity') return body.toString('latin1');
  if (coding !== 'gzip' && coding !== 'x-gzip') return undefined;
  try {
    return gunzipSync(body, { maxOutputLength: maxPlaylistBytes }).toString('latin1');
  } catch {
    return undefined;
  }
}

function codingOf({ fields }: ResponseHead): string {
  return fieldValue(fields, 'content-encoding')?.toLowerCase() ?? 'identity';
}

/** They are of the very text that the origin has sent, besides its entity tag. */
export const textFields: ReadonlySet<string> = new Set([
  'content-digest',
  'content-md5',
  'digest',
  'last-modified',
  'repr-digest',
]);

/** With another token it is another text: the entity tag names that too. */
export function fieldsWithToken(fields: FieldLines, { token }: TokenCarriage): string[] {
  const kept = withoutFields(forOneOnly(fields), textFields);
  const tag = token.slice(-8);
  return kept.map((text, index) =>
    index % 2 === 1 && kept[index - 1]?.toLowerCase() === 'etag' ? text.replace(/"$/, `-${tag}"`) : text,
  );
}

/** What one viewer gets is for no other cache's other viewers. */
export function forOneOnly(fields: FieldLines): string[] {
  const said = fieldValue(fields, 'cache-control');
  const others = (said ?? '').split(',').map((directive) => directive.trim());
  const kept = others.filter((directive) => !/^(?:public|private|s-maxage|$)/i.test(directive));
  return [...withoutFields(fields, new Set(['cache-control'])), 'Cache-Control', ['private', ...kept].join(', ')];
}
