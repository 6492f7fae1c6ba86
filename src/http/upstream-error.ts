import { UpstreamError } from '../base/errors.ts';
import { codeOf } from '../base/thrown.ts';

/** How far an exchange with an origin server had come when it failed. */
export type UpstreamPhase = 'connecting' | 'waiting' | 'body';

/** What the HTTP client or the socket says → what it means for the edge. */
const meanings: Record<string, [code: string, sentence: string]> = {
  ECONNREFUSED: ['ORIGIN_REFUSED', 'refuses connections'],
  UND_ERR_CONNECT_TIMEOUT: ['ORIGIN_CONNECT_TIMEOUT', 'takes too long to accept a connection'],
  ETIMEDOUT: ['ORIGIN_CONNECT_TIMEOUT', 'takes too long to accept a connection'],
  ENOTFOUND: ['ORIGIN_NAME_UNKNOWN', 'has a name that cannot be resolved'],
  EAI_AGAIN: ['ORIGIN_NAME_UNKNOWN', 'has a name that cannot be resolved now'],
  EHOSTUNREACH: ['ORIGIN_UNREACHABLE', 'cannot be reached over the network'],
  ENETUNREACH: ['ORIGIN_UNREACHABLE', 'cannot be reached over the network'],
  UND_ERR_HEADERS_TIMEOUT: ['ORIGIN_TIMEOUT', 'did not begin its answer in time'],
  UND_ERR_BODY_TIMEOUT: ['ORIGIN_BODY_TIMEOUT', 'fell silent in the middle of its answer'],
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: ['ORIGIN_BODY_SHORT', 'sent less than its Content-Length'],
  UND_ERR_HEADERS_OVERFLOW: ['ORIGIN_INVALID', 'sent too long a head'],
};

/** An error of the HTTP client as one of ours: a stable code, and a sentence that names the origin server. */
export function upstreamError(error: unknown, phase: UpstreamPhase, originServer: string): UpstreamError {
  if (error instanceof UpstreamError) return error;
  const [code, sentence] = meaningOf(clientCodeOf(error), phase);
  return new UpstreamError(code, `the origin server ${originServer} ${sentence}`, { cause: error });
}

function meaningOf(code: string, phase: UpstreamPhase): [code: string, sentence: string] {
  const early = code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH' && phase !== 'body';
  if (early || code.startsWith('HPE_')) return ['ORIGIN_INVALID', 'sent what is no HTTP response'];
  const known = meanings[code];
  if (known !== undefined) return known;
  if (/^(?:ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/.test(code)) {
    return ['ORIGIN_TLS', 'has a certificate or TLS setup that cannot be trusted'];
  }
  if (phase === 'body') return ['ORIGIN_BODY_SHORT', 'closed the connection in the middle of its answer'];
  if (['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'].includes(code)) {
    return ['ORIGIN_RESET', 'closed the connection without an answer'];
  }
  return ['ORIGIN_FAILED', 'could not be asked'];
}

function clientCodeOf(error: unknown): string {
  // The client knows the parser's errors by this name; their codes are not always filled in.
  if (error instanceof Error && error.name === 'HTTPParserError') return 'HPE_INVALID';
  return codeOf(error) ?? '';
}

/** Whether a fresh connection may help: nothing of an answer was seen, and waiting was not the trouble. */
export function worthAnotherConnection(error: UpstreamError): boolean {
  return ['ORIGIN_REFUSED', 'ORIGIN_CONNECT_TIMEOUT', 'ORIGIN_UNREACHABLE', 'ORIGIN_RESET'].includes(error.code);
}

/** Whether the origin was too slow (504), rather than gone or broken (502). */
export function isUpstreamTimeout(error: UpstreamError): boolean {
  return ['ORIGIN_TIMEOUT', 'ORIGIN_CONNECT_TIMEOUT', 'ORIGIN_BUSY'].includes(error.code);
}

/** Whether no connection could be had, so that it does not matter what was asked. */
export function isUpstreamUnreachable(error: UpstreamError): boolean {
  return ['ORIGIN_REFUSED', 'ORIGIN_CONNECT_TIMEOUT', 'ORIGIN_UNREACHABLE', 'ORIGIN_NAME_UNKNOWN'].includes(error.code);
}
