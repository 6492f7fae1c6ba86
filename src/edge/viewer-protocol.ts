import type { IncomingMessage } from 'node:http';
import { isSecure } from '../http/peer.ts';
import type { RequestTarget } from '../policy/request-target.ts';
import { type PlainAnswer, refusals } from './error-page.ts';
import type { Behaviour } from './routes.ts';

/** What may stand in a Location: anything else in a Host field is no name. */
const hostName = /^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d*)?$/;

/**
 * What a behaviour's `viewerProtocol` has to say to a request over plain HTTP; `undefined`: it may go on. `httpsPort`
 * is where HTTPS is to be had.
 */
export function protocolAnswer(
  request: IncomingMessage,
  behaviour: Pick<Behaviour, 'viewerProtocol'>,
  target: RequestTarget & { kind: 'resource' },
  httpsPort: number,
): PlainAnswer | undefined {
  if (behaviour.viewerProtocol === 'allow-all' || isSecure(request.socket)) return undefined;
  if (behaviour.viewerProtocol === 'https-only') return refusals.httpsOnly;
  const host = hostName.exec(target.authority ?? request.headers.host ?? '')?.[1];
  if (host === undefined) return refusals.malformedUrl;
  const port = httpsPort === 443 ? '' : `:${httpsPort}`;
  const query = target.query === '' ? '' : `?${target.query}`;
  return {
    // 307 keeps the method.
    status: request.method === 'GET' || request.method === 'HEAD' ? 301 : 307,
    title: 'Moved to HTTPS',
    sentence: 'This address is served over HTTPS only.',
    code: 'REDIRECT_TO_HTTPS',
    result: 'Redirect',
    fields: ['Location', `https://${host}${port}${target.path}${query}`],
  };
}
