/** What a request asks for, normalised. */
export type RequestTarget =
  | {
      readonly kind: 'resource';
      /** Begins with `/`; percent-encoding and dot segments normalised. */
      readonly path: string;
      /** What follows `?`, as it came; empty when there is nothing. */
      readonly query: string;
      /** Host and port of an absolute-form target: it takes the place of the Host field (RFC 9112 §3.2.2). */
      readonly authority: string | undefined;
    }
  | { readonly kind: 'server' }
  | { readonly kind: 'malformed'; readonly sentence: string };

/**
 * Reads a request target (RFC 9112 §3.2): origin-form, absolute-form, or `*`. The path is normalised here and nowhere
 * else; behaviour match, cache key and origin request all use the outcome, so that no two of them can disagree about
 * what was asked for.
 */
export function parseRequestTarget(target: string): RequestTarget {
  if (target === '*') return { kind: 'server' };
  const absolute = /^https?:\/\/([^/?#]+)/i.exec(target);
  const rest = absolute === null ? target : target.slice(absolute[0].length);
  const queryAt = rest.indexOf('?');
  const rawPath = queryAt === -1 ? rest : rest.slice(0, queryAt);
  const query = queryAt === -1 ? '' : rest.slice(queryAt + 1);
  const path = normalisePath(rawPath === '' && absolute !== null ? '/' : rawPath);
  if (path === undefined || query.includes('#')) return { kind: 'malformed', sentence: 'the URL is malformed' };
  return { kind: 'resource', path, query, authority: absolute?.[1] };
}

/** Nothing in it that normalisation would change: no escape, no dot segment, only characters a path may hold. */
const alreadyNormal = /^(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9\-._~!$&'()*+,;=:@]*)+$/;

/**
 * One spelling for each path (RFC 3986 §6.2.2): escapes of unreserved characters are decoded, all others in upper
 * case, characters that may not stand in a path are escaped, dot segments are resolved (also escaped ones). `%2F`
 * stays: it is not a separator. `undefined` for what is no path: no leading slash, a broken escape, a NUL, escaped or
 * not, a fragment.
 */
export function normalisePath(path: string): string | undefined {
  if (alreadyNormal.test(path)) return path;
  const escaped = escapedPath(path);
  return escaped === undefined ? undefined : resolveDotSegments(escaped);
}

/** The folder that a path lies in, with its last slash. */
export function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1);
}

/**
 * The beginning that all those paths share, in their one spelling, which some way of writing begins so: what stands
 * before a trailing wildcard. Its last segment is none yet: `/a/..` is how `/a/..b` begins.
 */
export function normalisePathPrefix(prefix: string): string | undefined {
  const escaped = escapedPath(prefix);
  if (escaped === undefined) return undefined;
  const nameAt = escaped.lastIndexOf('/') + 1;
  return resolveDotSegments(escaped.slice(0, nameAt)) + escaped.slice(nameAt);
}

/** What some servers take for something else: slashes and dots in disguise, doubled slashes, path parameters. */
const ambiguous = /%(?:2F|5C|C0%A[EF]|C1%9C|E0%80%A[EF]|F0%80%80%A[EF])|\/\/|;/;

/**
 * All that servers are known to make of a normalised path, which itself is the first: some take `%2F`, `%5C` and
 * overlong UTF-8 (RFC 3629 §10) for a separator, merge slashes, or leave out path parameters, and resolve dot segments
 * then. Where these lead to different behaviours, nobody can say which rules hold for the request. `undefined` when
 * there are more ways to read it than anybody needs.
 */
export function readingsOf(path: string): readonly string[] | undefined {
  if (!ambiguous.test(path)) return [path];
  const readings = new Set([path]);
  for (const [what, instead] of leniencies) {
    // What is added meanwhile comes by as well, and stays what it is.
    for (const reading of readings) readings.add(reading.replaceAll(what, instead));
    if (readings.size > maxReadings) return undefined;
  }
  return [...new Set([path, ...[...readings].map(resolveDotSegments)])];
}

/** Three leniencies that matter for one path: more is somebody's attempt, and takes time to look through. */
const maxReadings = 8;

/** In the order in which they make work for each other. A server may have any of them, and not those beside it. */
const leniencies: readonly (readonly [RegExp, string])[] = [
  [/%C0%AE/g, '.'],
  [/%E0%80%AE/g, '.'],
  [/%F0%80%80%AE/g, '.'],
  [/%C0%AF/g, '/'],
  [/%E0%80%AF/g, '/'],
  [/%F0%80%80%AF/g, '/'],
  [/%2F/g, '/'],
  [/%5C/g, '/'],
  [/%C1%9C/g, '/'],
  [/;[^/]*/g, ''],
  [/\/{2,}/g, '/'],
];

function escapedPath(path: string): string | undefined {
  if (path[0] !== '/' || /[#\0]|%(?![0-9A-Fa-f]{2})|%00/.test(path)) return undefined;
  return normaliseEscapes(path, /[A-Za-z0-9\-._~!$&'()*+,;=:@/]/);
}

/** Query parameters get the same treatment; a stray `%`, common in the wild, is taken for `%25`. */
export function normaliseQueryText(text: string): string {
  if (/^[A-Za-z0-9\-._~!$'()*+,;=:@/?]*$/.test(text)) return text;
  return normaliseEscapes(text.replaceAll(/%(?![0-9A-Fa-f]{2})/g, '%25'), /[A-Za-z0-9\-._~!$'()*+,;=:@/?]/);
}

function normaliseEscapes(text: string, allowed: RegExp): string {
  let normal = '';
  for (let i = 0; i < text.length; i++) {
    const char = text[i] ?? '';
    if (char === '%') {
      const code = Number.parseInt(text.slice(i + 1, i + 3), 16);
      const decoded = String.fromCharCode(code);
      normal += /[A-Za-z0-9\-._~]/.test(decoded) ? decoded : escapeByte(code);
      i += 2;
    } else {
      // A request target comes as Latin-1: each character is a byte.
      normal += allowed.test(char) ? char : escapeByte(char.charCodeAt(0) & 0xff);
    }
  }
  return normal;
}

function escapeByte(code: number): string {
  return `%${code.toString(16).toUpperCase().padStart(2, '0')}`;
}

/** RFC 3986 §5.2.4. Empty segments are segments: `/a//b` stays. */
function resolveDotSegments(path: string): string {
  const segments = path.split('/').slice(1);
  const resolved: string[] = [];
  segments.forEach((segment, index) => {
    const isLast = index === segments.length - 1;
    if (segment === '..') resolved.pop();
    else if (segment !== '.') resolved.push(segment);
    if (isLast && (segment === '..' || segment === '.')) resolved.push('');
  });
  return `/${resolved.join('/')}`;
}
