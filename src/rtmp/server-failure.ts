import { UpstreamError } from '../base/errors.ts';
import { codeOf } from '../base/thrown.ts';

/** The server has understood, and says no: `statusCode` and `description` are its own words. */
export class RtmpRefusal extends UpstreamError {
  /** Such as `NetStream.Publish.BadName`; empty when it gave none. */
  readonly statusCode: string;
  /** Fit for a terminal; empty when it gave none. */
  readonly description: string;

  constructor(sentence: string, statusCode: string, description: string) {
    super('RTMP_REFUSED', sentence);
    this.statusCode = statusCode;
    this.description = description;
  }
}

/** What the system says about a connection, in plain words. `where` names the server. */
export function connectionError(where: string, error: Error): UpstreamError {
  switch (codeOf(error)) {
    case 'ECONNREFUSED':
      return new UpstreamError('RTMP_UNREACHABLE', `nobody listens where ${where} should be`, { cause: error });
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new UpstreamError('RTMP_UNREACHABLE', `the name of ${where} is not known`, { cause: error });
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'CERT_HAS_EXPIRED':
      return new UpstreamError('RTMP_CERTIFICATE', `the certificate of ${where} is not trusted: ${error.message}`, {
        cause: error,
      });
    case 'ECONNRESET':
    case 'EPIPE':
      return new UpstreamError('RTMP_CLOSED', `${where} broke the connection off`, { cause: error });
    default:
      return new UpstreamError('RTMP_UNREACHABLE', `${where} cannot be reached: ${error.message}`, { cause: error });
  }
}
