import { normaliseQueryText } from '../policy/request-target.ts';

/**
 * Names of query parameters whose value lets in whoever reads it: signatures of signed URLs (CloudFront's, S3's, those
 * of other CDNs), stream keys, tokens, passwords. `Key-Pair-Id` is none: it names a key.
 */
const secretName =
  /^(?:[\w-]*(?:signature|credentials?|key|token|tokenhash|hmac|secret|password|passwd|pass|passphrase|pwd|jwt|auth|authorization|sess(?:ion)?(?:[_-]?id)?)|policy|sig|sign|sid|ticket|hdnts|hdnea|hdntl)$/i;

/** The query with the values of secret parameters cut out, however their names are spelt. */
export function redactQuery(query: string): string {
  if (!query.includes('=')) return query;
  return query
    .split('&')
    .map((parameter) => {
      const name = parameter.slice(0, Math.max(0, parameter.indexOf('=')));
      return secretName.test(name.includes('%') ? normaliseQueryText(name) : name) ? `${name}=REDACTED` : parameter;
    })
    .join('&');
}

/** A URL, such as that of a Referer, likewise. A user name and password in it go, too. */
export function redactUrl(url: string): string {
  const queryAt = url.indexOf('?');
  const beforeQuery = (queryAt === -1 ? url : url.slice(0, queryAt)).replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/@]*@/i, '$1');
  return queryAt === -1 ? beforeQuery : `${beforeQuery}?${redactQuery(url.slice(queryAt + 1))}`;
}
