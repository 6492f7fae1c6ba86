import { STATUS_CODES } from 'node:http';
import type { UpstreamError } from '../base/errors.ts';
import { maxTargetBytes } from '../http/listener-bounds.ts';
import { isUpstreamTimeout } from '../http/upstream-error.ts';
import type { CachePolicy } from '../policy/cache-policy.ts';
import { type AllowedMethods, allowedMethodsText } from '../policy/methods.ts';

/** An answer in plain words that the edge gives itself. */
export interface PlainAnswer {
  readonly status: number;
  /** A few words for the heading. */
  readonly title: string;
  /** What happened and what to do, for whoever looks at it. */
  readonly sentence: string;
  /** A stable code for whoever has to mend it. */
  readonly code: string;
  /** As `X-Cache` tells it; `Error` if left out. */
  readonly result?: 'Redirect';
  /** What it is written in for whoever does not ask for HTML; plain text if left out. */
  readonly form?: 'xml';
  /** Further fields, such as `Allow`. */
  readonly fields?: readonly string[];
}

export const refusals = {
  malformedUrl: {
    status: 400,
    title: 'Bad request',
    sentence: 'The address is malformed.',
    code: 'REQUEST_URL_MALFORMED',
  },
  ambiguousUrl: {
    status: 400,
    title: 'Bad request',
    sentence:
      'The address can be read in more than one way. Write it without escaped or doubled slashes and semicolons.',
    code: 'REQUEST_URL_AMBIGUOUS',
  },
  bodyWithGet: {
    status: 403,
    title: 'Forbidden',
    sentence: 'A request of this kind must not have a body.',
    code: 'REQUEST_BODY_NOT_ALLOWED',
  },
  httpsOnly: {
    status: 403,
    title: 'HTTPS only',
    sentence: 'This address is served over HTTPS only.',
    code: 'HTTPS_ONLY',
  },
  unknownHost: {
    status: 404,
    title: 'Not here',
    sentence: 'No distribution answers for this host name.',
    code: 'NO_DISTRIBUTION',
  },
  unknownPath: {
    status: 404,
    title: 'Not found',
    sentence: 'Nothing is served at this address.',
    code: 'NO_BEHAVIOUR',
  },
  bodyTooSlow: {
    status: 408,
    title: 'Too slow',
    sentence: 'The request was sent too slowly.',
    code: 'REQUEST_BODY_TOO_SLOW',
  },
  notCached: {
    status: 504,
    title: 'Not in the cache',
    sentence: 'The request was for a stored answer only, and there is none.',
    code: 'NOT_CACHED',
  },
  crowded: {
    status: 503,
    title: 'Too many at once',
    sentence: 'Too many viewers are waiting for the same answer. Please try again in a moment.',
    code: 'TOO_MANY_WAITING',
    fields: ['Retry-After', '1'],
  },
  notYet: {
    status: 503,
    title: 'Not there yet',
    sentence:
      'What was asked for has not come, and the server that would know does not answer. Please try again in a moment.',
    code: 'PLAYLIST_NOT_THERE',
    fields: ['Retry-After', '1'],
  },
  loop: {
    status: 508,
    title: 'Loop detected',
    sentence: 'This request has been here before: the origin of this distribution leads back to this edge.',
    code: 'LOOP_DETECTED',
  },
} satisfies Record<string, PlainAnswer>;

/** For a URL past the bound: RFC 9110 §15.5.15 and RFC 9112 §3 have 414 for it, CloudFront answers 413. */
export function longUrlRefusal(policy: CachePolicy['name']): PlainAnswer {
  return {
    status: policy === 'standards' ? 414 : 413,
    title: 'The address is too long',
    sentence: `An address may have ${maxTargetBytes} bytes.`,
    code: 'REQUEST_URL_TOO_LONG',
  };
}

/** For a method that the behaviour does not take. */
export function methodRefusal(allowed: AllowedMethods): PlainAnswer {
  const methods = allowedMethodsText(allowed);
  return {
    status: 405,
    title: 'Method not allowed',
    sentence: `Only ${methods} are answered here.`,
    code: 'METHOD_NOT_ALLOWED',
    fields: ['Allow', methods],
  };
}

/** What a viewer is told when the origin failed and nothing stored may stand in for it. */
export function gatewayAnswer(error: UpstreamError): PlainAnswer {
  return isUpstreamTimeout(error)
    ? {
        status: 504,
        title: 'The origin is too slow',
        sentence: 'The server that holds this content did not answer in time. Please try again in a moment.',
        code: error.code,
      }
    : {
        status: 502,
        title: 'The origin cannot be reached',
        sentence: 'The server that holds this content cannot be reached. Please try again in a moment.',
        code: error.code,
      };
}

/** In place of an error of the origin, when the page for it cannot be had. */
export function originErrorAnswer(status: number): PlainAnswer {
  return {
    status,
    title: STATUS_CODES[status] ?? 'Error',
    sentence: 'The server that holds this content has answered with an error.',
    code: 'ORIGIN_ERROR',
  };
}

/** HTML for whoever asks for it, else text, or XML as CloudFront has it. Nothing that a viewer sent is repeated in it. */
export function renderPlainAnswer(
  answer: PlainAnswer,
  accept: string | undefined,
  requestId: string,
): { readonly contentType: string; readonly body: string } {
  const { status, title, sentence, code } = answer;
  if (accept?.includes('text/html') !== true && answer.form === 'xml') {
    return {
      contentType: 'text/xml',
      body: `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${sentence}</Message></Error>`,
    };
  }
  if (accept?.includes('text/html') !== true) {
    return {
      contentType: 'text/plain; charset=utf-8',
      body: `${status} ${title}\n${sentence}\n\ncode ${code}, request ${requestId}\n`,
    };
  }
  return {
    contentType: 'text/html; charset=utf-8',
    body: `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${status} ${title}</title>
<style>body{font:1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:18vh auto;padding:0 1.5rem}h1{font-size:1.4rem}small{opacity:.65}</style>
<h1>${title}</h1>
<p>${sentence}</p>
<p><small>${status} · ${code} · request ${requestId}</small></p>
</html>
`,
  };
}
