import { percentDecoded } from '../base/percent-decoding.ts';

/** What a stored file was asked for as, whichever client did it: an application, and the paths where the file may lie. */
export interface StoredName {
  readonly kind: 'stored';
  /** One of those that were handed in. */
  readonly application: string;
  /** As named, without container, query and escapes: `dir/video`. For logs. */
  readonly path: string;
  /**
   * Below the library, in the order in which they are to be tried: as named, then with the extensions that were left out.
   * Plain text: no escapes, no empty segment, no `.` or `..`. At most `maxCandidates`.
   */
  readonly candidates: readonly string[];
  /** What stands behind the question mark of the name; empty where there is none. */
  readonly query: string;
}

/** A name that can be that of no file. The code is CloudFront's. */
export interface InvalidStoredName {
  readonly kind: 'invalid';
  readonly code: 'InvalidURI';
  /** For a person; holds nothing of the query. */
  readonly sentence: string;
}

/** As long as a key of S3 may be. */
const maxPathBytes = 1_024;

/** As long as a name in a folder may be. */
const maxSegmentBytes = 255;

const containers = ['mp4', 'mp3', 'flv'] as const;
type Container = (typeof containers)[number];

/**
 * What may have been left out, the likeliest first. A name without a container is that of an FLV file, as with every
 * server there was: ffmpeg and rtmpdump take `.flv` off and put nothing before the name.
 */
const extensions: Readonly<Record<Container, readonly string[]>> = {
  mp4: ['.mp4', '.f4v', '.mov', '.m4v', '.m4a', '.f4a', '.mp3', '.flv'],
  mp3: ['.mp3', '.m4a', '.mp4', '.mov', '.m4v', '.flv'],
  flv: ['.flv', '.mp4', '.f4v', '.mov', '.m4v', '.m4a', '.mp3'],
};

const knownExtension = /\.(?:mp4|f4v|mov|m4v|m4a|f4a|mp3|flv)$/i;

/** Of one name. */
export const maxCandidates = 9;

/**
 * Whether files are to be had of the application that a client says in `connect`. Some say more than it, some less:
 * rtmpdump with one URL takes three segments for the application (`cfx/st/mp4:dir`), and with `--rtmp` one (`cfx`).
 */
export function isStoredApplication(applications: readonly string[], app: string): boolean {
  return placesOf(applications, app).length > 0;
}

/**
 * Reads what clients make of `rtmp://HOST/cfx/st/[mp4:|mp3:|flv:]dir/video[.mp4][?QUERY]`. `applications` are those that
 * files are to be had of, such as `cfx/st`; `app` and `streamName` came with `connect` and `play`. `undefined` when it
 * is none of these applications.
 *
 * `%XX` is read once, which ffmpeg leaves to the server and signers write for `:` and `?`; a `%` before anything else is
 * itself. Escaped slashes, traversal, control characters and names that are too long are refused.
 */
export function storedName(
  applications: readonly string[],
  app: string,
  streamName: string,
): StoredName | InvalidStoredName | undefined {
  const places = placesOf(applications, app);
  if (places.length === 0) return undefined;
  const { text: name, query } = withoutQuery(streamName);
  const place = places.find(({ missing }) => missing !== '' && trimmed(name).startsWith(`${missing}/`)) ?? places[0];
  if (place === undefined) return undefined;
  const { application, missing, rest } = place;
  const ownName =
    missing !== '' && trimmed(name).startsWith(`${missing}/`) ? trimmed(name).slice(missing.length) : name;
  const folder = containerAndPath(rest);
  const file = containerAndPath(ownName);
  if (folder === undefined || file === undefined) return invalid('it holds an escape that is no text, or a slash');
  const path = folder.path === '' ? file.path : `${folder.path}/${file.path}`;
  const problem = problemOf(path, file.path);
  if (problem !== undefined) return invalid(problem);
  const implied = extensions[file.container ?? folder.container ?? 'flv'];
  // Only what a client has taken off can be missing behind an extension.
  const left = knownExtension.test(path) ? implied.slice(0, 1) : implied;
  return { kind: 'stored', application, path, candidates: [path, ...left.map((extension) => path + extension)], query };
}

/** Where an application may be meant. */
interface Place {
  readonly application: string;
  /** Its last segments, which the client has left out; the name may begin with them. */
  readonly missing: string;
  /** What the client says beyond it, which belongs to the name. */
  readonly rest: string;
}

/** The most that fits first; those of which only the beginning was said after all others. */
function placesOf(applications: readonly string[], appField: string): Place[] {
  const app = trimmed(withoutQuery(appField).text);
  const whole: Place[] = applications
    .filter((application) => `${app}/`.startsWith(`${application}/`))
    .sort((a, b) => b.length - a.length)
    .map((application) => ({ application, missing: '', rest: app.slice(application.length + 1) }));
  if (whole.length > 0) return whole;
  return applications
    .filter((application) => application.startsWith(`${app}/`))
    .map((application) => ({ application, missing: application.slice(app.length + 1), rest: '' }));
}

/** `mp4:dir/video` → `mp4` and `dir/video`; `undefined` for escapes that are not to be read. */
function containerAndPath(
  text: string,
): { readonly container: Container | undefined; readonly path: string } | undefined {
  const plain = unescaped(text);
  if (plain === undefined) return undefined;
  // Twice where ffmpeg did not see that it is there already: `mp4:mp4%3Adir/video.mp4`.
  const prefix = /^\/*(?:(mp4|mp3|flv):)+/i.exec(plain);
  const container = containers.find((name) => name === prefix?.[1]?.toLowerCase());
  return { container, path: trimmedLeft(plain.slice(prefix?.[0].length ?? 0)) };
}

/** What is wrong with a path, in words. */
function problemOf(path: string, fileName: string): string | undefined {
  if (fileName === '' || path.endsWith('/')) return 'it names no file';
  if (utf8Length(path) > maxPathBytes) return `it is longer than ${maxPathBytes} bytes`;
  if (hasControlCharacter(path) || path.includes('\\')) return 'it holds a control character or a backslash';
  for (const segment of path.split('/')) {
    if (segment === '' || segment === '.' || segment === '..') return 'it has an empty segment, "." or ".." in it';
    if (utf8Length(segment) > maxSegmentBytes) return `a segment of it is longer than ${maxSegmentBytes} bytes`;
  }
  return undefined;
}

function invalid(problem: string): InvalidStoredName {
  return { kind: 'invalid', code: 'InvalidURI', sentence: `this cannot be the name of a stored file: ${problem}` };
}

/** Old signers escape the question mark too. */
function withoutQuery(text: string): { readonly text: string; readonly query: string } {
  const mark = /\?|%3F/i.exec(text);
  if (mark === null) return { text, query: '' };
  return { text: text.slice(0, mark.index), query: text.slice(mark.index + mark[0].length) };
}

/** `undefined` for what is no UTF-8, and for a slash in disguise. */
function unescaped(text: string): string | undefined {
  if (!text.includes('%')) return text;
  if (/%(?:2F|5C)/i.test(text)) return undefined;
  return percentDecoded(text.replaceAll(/%(?![0-9A-Fa-f]{2})/g, '%25'));
}

function hasControlCharacter(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code === 0x7f) return true;
  }
  return false;
}

function utf8Length(text: string): number {
  return new TextEncoder().encode(text).length;
}

function trimmed(text: string): string {
  return text.replace(/^\/+|\/+$/g, '');
}

function trimmedLeft(text: string): string {
  return text.replace(/^\/+/, '');
}
