import { splitList, trimOws } from './list.ts';

/**
 * What an Accept-Encoding comes down to for this edge: `gzip` if the viewer takes it, else `undefined` (RFC 9110
 * §12.5.3). A cache that kept every spelling apart would keep dozens of equal variants.
 */
export function normaliseAcceptEncoding(value: string | undefined): 'gzip' | undefined {
  if (value === undefined) return undefined;
  let wildcard = false;
  for (const member of splitList(value.toLowerCase())) {
    const [coding = '', ...parameters] = member.split(';').map(trimOws);
    const accepted = !parameters.some((parameter) => /^q=0(?:\.0{0,3})?$/.test(parameter));
    if (coding === 'gzip' || coding === 'x-gzip') return accepted ? 'gzip' : undefined;
    if (coding === '*') wildcard = accepted;
  }
  return wildcard ? 'gzip' : undefined;
}
