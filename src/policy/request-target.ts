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
 * stays: it is not a separator. `undefined` for what is no path: no leading slash, a broken escape, an escaped NUL,
 * a fragment.
 */
export function normalisePath(path: string): string | undefined {
  if (alreadyNormal.test(path)) return path;
  if (path[0] !== '/' || path.includes('#') || /%(?![0-9A-Fa-f]{2})|%00/.test(path)) return undefined;
  return resolveDotSegments(normaliseEscapes(path, /[A-Za-z0-9\-._~!$&'()*+,;=:@/]/));
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
