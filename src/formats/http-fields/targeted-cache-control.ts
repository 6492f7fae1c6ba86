import { type CacheControl, noCacheControl } from './cache-control.ts';
import { maxDeltaSeconds } from './delta-seconds.ts';
import { isToken, splitList } from './list.ts';
import { type DictionaryMember, parseDictionary } from './structured-fields.ts';

/**
 * CDN-Cache-Control (RFC 9213 §2.1, §3.1): a Dictionary Structured Field of cache directives, for caches like this
 * one. `undefined` when the field is absent, empty or breaks the grammar, and when a directive that is known here has
 * a value of another type than it must have: then Cache-Control and Expires count.
 */
export function parseTargetedCacheControl(values: readonly string[]): CacheControl | undefined {
  const members = parseDictionary(values);
  if (members === undefined || members.size === 0) return undefined;
  const read = new DirectiveReader(members);
  const noCache = read.qualifiable('no-cache');
  const privateDirective = read.qualifiable('private');
  const directives: CacheControl = {
    ...noCacheControl,
    maxAgeSeconds: read.seconds('max-age'),
    sMaxageSeconds: read.seconds('s-maxage'),
    staleWhileRevalidateSeconds: read.seconds('stale-while-revalidate'),
    staleIfErrorSeconds: read.seconds('stale-if-error'),
    noStore: read.flag('no-store'),
    noCache: noCache === 'all',
    noCacheFields: noCache === 'all' ? [] : noCache,
    private: privateDirective === 'all',
    privateFields: privateDirective === 'all' ? [] : privateDirective,
    public: read.flag('public'),
    mustRevalidate: read.flag('must-revalidate'),
    proxyRevalidate: read.flag('proxy-revalidate'),
    mustUnderstand: read.flag('must-understand'),
    immutable: read.flag('immutable'),
  };
  return read.wrongTyped ? undefined : directives;
}

class DirectiveReader {
  readonly #members: ReadonlyMap<string, DictionaryMember>;
  wrongTyped = false;

  constructor(members: ReadonlyMap<string, DictionaryMember>) {
    this.#members = members;
  }

  seconds(name: string): number | undefined {
    const member = this.#members.get(name);
    if (member === undefined) return undefined;
    if (member.kind === 'integer' && member.value >= 0) return Math.min(member.value, maxDeltaSeconds);
    this.wrongTyped = true;
    return undefined;
  }

  flag(name: string): boolean {
    const member = this.#members.get(name);
    if (member === undefined) return false;
    if (member.kind !== 'boolean') this.wrongTyped = true;
    return member.kind === 'boolean' && member.value;
  }

  /** `all` without field names, else the names in lower case. */
  qualifiable(name: string): 'all' | readonly string[] {
    const member = this.#members.get(name);
    if (member?.kind !== 'string') return this.flag(name) ? 'all' : [];
    const fields = splitList(member.value).map((field) => field.toLowerCase());
    return fields.length > 0 && fields.every(isToken) ? fields : 'all';
  }
}
