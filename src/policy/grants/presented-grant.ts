import { tokenCookie, tokenParameter } from './carried-grant.ts';

/** What a viewer shows to be let in, as CloudFront's signed URLs and signed cookies have it. Nothing of it is proved. */
export interface PresentedGrant {
  readonly keyPairId: string;
  readonly hash: 'sha1' | 'sha256';
  /** In CloudFront's spelling of base64. */
  readonly signature: string;
  /**
   * `canned`: the policy is not sent, for it says nothing but the resource and when the grant expires. `custom`: in
   * CloudFront's spelling of base64.
   */
  readonly policy:
    | { readonly kind: 'canned'; readonly expires: string }
    | { readonly kind: 'custom'; readonly encoded: string };
}

/** `absent`: nothing is shown; `malformed`: something is, but it is no grant. */
export type Presented = PresentedGrant | 'absent' | 'malformed';

/** What a query shows: a grant, or the token of one that was shown before. */
export interface QueryGrant {
  /** What was signed, byte for byte, and all that counts for cache and origin. */
  readonly rest: string;
  readonly presented: Presented;
  readonly token: string | undefined;
}

/** The parameters of a grant, by which of its parts they are. */
type GrantTexts = { [name in GrantName]?: string };
type GrantName = (typeof grantNames)[number];

const grantNames = ['Expires', 'Policy', 'Signature', 'Key-Pair-Id', 'Hash-Algorithm'] as const;
const grantCookies: ReadonlyMap<string, GrantName> = new Map(grantNames.map((name) => [`CloudFront-${name}`, name]));

/** Longer ones do not come from CloudFront's signers: a signature of RSA-4096 has 684 characters. */
const maxSignatureLength = 1_024;

/**
 * Takes the parameters of a signed URL out of a query, and the token that an edge has appended. Whatever of a grant is
 * there makes the URL one that is signed: cookies do not count then, and neither does a token beside it.
 */
export function takeQueryGrant(query: string): QueryGrant {
  if (query === '') return { rest: query, presented: 'absent', token: undefined };
  const texts: GrantTexts = {};
  let rest: string | undefined;
  let token: string | undefined;
  let twice = false;
  for (let from = 0; from <= query.length; ) {
    const next = query.indexOf('&', from);
    const end = next === -1 ? query.length : next;
    const equals = query.indexOf('=', from);
    const nameEnd = equals === -1 || equals > end ? end : equals;
    const name = query.slice(from, nameEnd);
    const value = query.slice(Math.min(nameEnd + 1, end), end);
    if (name === tokenParameter) {
      twice ||= token !== undefined;
      token = value;
    } else if (isGrantName(name)) {
      twice ||= texts[name] !== undefined;
      // Who writes a query anew (URLSearchParams does) escapes the only character of a grant that it can.
      texts[name] = value.includes('%') ? value.replaceAll(/%7E/gi, '~') : value;
    } else {
      const part = query.slice(from, end);
      rest = rest === undefined ? part : `${rest}&${part}`;
    }
    from = end + 1;
  }
  const shown = twice ? 'malformed' : assembled(texts);
  const presented = shown !== 'absent' && token !== undefined ? 'malformed' : shown;
  return { rest: rest ?? '', presented, token };
}

/** The grant in a Cookie field. Of cookies of one name the first counts, which is that of the longest path. */
export function cookieGrant(cookie: string | undefined): Presented {
  if (cookie === undefined) return 'absent';
  const texts: GrantTexts = {};
  for (const pair of cookie.split(';')) {
    const equals = pair.indexOf('=');
    const name = equals === -1 ? undefined : grantCookies.get(pair.slice(0, equals).trim());
    if (name !== undefined) texts[name] ??= pair.slice(equals + 1).trim();
  }
  return assembled(texts);
}

/** More than one playlist of folders within each other can have set. */
const maxTokenCookies = 4;

/** The tokens in a Cookie field, of which any will do: folders lie within each other. */
export function cookieTokens(cookie: string | undefined): readonly string[] {
  if (cookie?.includes(tokenCookie) !== true) return [];
  return cookie
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${tokenCookie}=`))
    .slice(0, maxTokenCookies)
    .map((pair) => pair.slice(tokenCookie.length + 1));
}

/** A Cookie field without the cookies of a grant; `undefined` when nothing else is in it. */
export function withoutGrantCookies(cookie: string): string | undefined {
  if (!cookie.includes('CloudFront-') && !cookie.includes(tokenCookie)) return cookie;
  const others = cookie.split(';').filter((pair) => {
    const name = pair.slice(0, pair.indexOf('=')).trim();
    return !grantCookies.has(name) && name !== tokenCookie;
  });
  const rest = others.join(';').trim();
  return rest === '' ? undefined : rest;
}

function isGrantName(name: string): name is GrantName {
  return (grantNames as readonly string[]).includes(name);
}

function assembled(texts: GrantTexts): Presented {
  const { Expires: expires, Policy: encoded, Signature: signature, 'Key-Pair-Id': keyPairId } = texts;
  const algorithm = texts['Hash-Algorithm'];
  if ((expires ?? encoded ?? signature ?? keyPairId ?? algorithm) === undefined) return 'absent';
  if (signature === undefined || signature.length > maxSignatureLength || !isEncoded(signature)) return 'malformed';
  if (keyPairId === undefined || !/^[A-Za-z0-9_-]{1,64}$/.test(keyPairId)) return 'malformed';
  if (algorithm !== undefined && algorithm !== 'SHA1' && algorithm !== 'SHA256') return 'malformed';
  const common = { keyPairId, signature, hash: algorithm === 'SHA256' ? 'sha256' : 'sha1' } as const;
  if (encoded !== undefined) {
    if (expires !== undefined || !isEncoded(encoded)) return 'malformed';
    return { ...common, policy: { kind: 'custom', encoded } };
  }
  if (expires === undefined || !/^\d{1,15}$/.test(expires)) return 'malformed';
  return { ...common, policy: { kind: 'canned', expires } };
}

function isEncoded(text: string): boolean {
  return /^[A-Za-z0-9~-]+_{0,2}$/.test(text);
}

/**
 * Bytes from CloudFront's spelling of base64 (`-` for `+`, `~` for `/`, `_` for `=`). `undefined` for what is none, and
 * for a second spelling of the same bytes: no character of a grant can be changed without making it another.
 */
export function decodeGrantText(text: string): Uint8Array | undefined {
  if (!isEncoded(text)) return undefined;
  const base64 = text.replaceAll('-', '+').replaceAll('~', '/').replaceAll('_', '=');
  try {
    return Uint8Array.fromBase64(base64, { lastChunkHandling: 'strict' });
  } catch {
    return undefined;
  }
}

/** The same spelling, of bytes. */
export function encodeGrantText(bytes: Uint8Array): string {
  return bytes.toBase64().replaceAll('+', '-').replaceAll('/', '~').replaceAll('=', '_');
}
