import { propertiesOf } from '../formats/amf0/value.ts';
import type { FlvClientCapabilities } from '../formats/flv/client-capabilities.ts';
import type { RtmpCommand } from '../formats/rtmp/command.ts';
import { parseConnectCapabilities, serverCapabilities } from '../formats/rtmp/connect-capabilities.ts';
import { connectResultMessage, errorMessage } from '../formats/rtmp/status.ts';
import { connectProperties, type SignatureTexts } from '../policy/edge-signature.ts';
import type { ClientCertificate } from '../sockets/client-certificate.ts';
import { readVia } from './relay-via.ts';
import type { SessionOutput } from './session-output.ts';

/** What a client said in `connect` (RTMP 1.0 §7.2.1.1). */
export interface ConnectedApplication {
  /** With its query, if it has one: may hold a stream key. */
  readonly app: string;
  /** As it came; may hold a stream key and may be no URL at all. */
  readonly tcUrl: string | undefined;
  /** What the client calls itself: `FMLE/3.0 (compatible; Lavf59.27.100)`. */
  readonly flashVer: string | undefined;
  /** What it can play; of what it sends it says nothing. */
  readonly capabilities: FlvClientCapabilities;
  /** The edges that it has come through, the nearest last; empty for encoders and players. */
  readonly via: readonly string[];
  /** What an edge shows to an origin that answers edges only; not verified. */
  readonly signature: SignatureTexts | undefined;
}

/** Why a client may not do what it asks for. Nothing of it holds a key. */
export interface ConnectRefusal {
  /** For the log. */
  readonly code: string;
  /** For the log and for the client. */
  readonly sentence: string;
  /** It may connect and publish, and is refused when it plays. */
  readonly only?: 'play';
}

/**
 * Says why a client may not connect to this application, before it asks for any stream; `undefined` when it may.
 * `certificate` is what it has shown on a connection with TLS.
 */
export type ExamineConnect = (
  application: ConnectedApplication,
  certificate: ClientCertificate,
) => ConnectRefusal | undefined;

/** Bytes that either side may send before it expects an acknowledgement. */
export const windowBytes = 2_500_000;

/** Of what the server sends: an answer is one chunk, and so are most pictures. Servers have used it for years. */
const serverChunkBytes = 60_000;

/** A query, or a user agent, of more than this is no honest one. */
const maxTextLength = 2_048;

/**
 * Reads `connect`. A missing `app` is taken from the `tcUrl`, a missing `tcUrl` is done without. Returns the reason in
 * words where neither is there.
 */
export function readConnect(command: RtmpCommand): ConnectedApplication | { readonly problem: string } {
  const properties = propertiesOf(command.commandObject);
  if (properties === undefined) return { problem: 'connect came without a command object' };
  const text = (name: string) => {
    const value = properties.get(name);
    return typeof value === 'string' && value !== '' && value.length <= maxTextLength ? value : undefined;
  };
  const tcUrl = text('tcUrl');
  const app = text('app') ?? appOf(tcUrl);
  if (app === undefined) return { problem: 'connect names no application: neither app nor a path in tcUrl' };
  const flashVer = text('flashVer');
  return {
    app,
    tcUrl,
    flashVer: flashVer === undefined ? undefined : clientName(flashVer),
    capabilities: parseConnectCapabilities(properties),
    via: readVia(properties),
    signature: readSignature(text(connectProperties.input), text(connectProperties.signature)),
  };
}

function readSignature(input: string | undefined, signature: string | undefined): SignatureTexts | undefined {
  return input === undefined || signature === undefined ? undefined : { input, signature };
}

/** What a client calls itself, fit for a log and a page: short and printable. */
export function clientName(text: string): string {
  return text.slice(0, 128).replace(/[^ -~]/g, '?');
}

/** `rtmp://host/live?key=x` → `live?key=x`. */
function appOf(tcUrl: string | undefined): string | undefined {
  const path = tcUrl === undefined ? undefined : /^[a-z]+:\/\/[^/]*\/(.+)$/i.exec(tcUrl)?.[1];
  return path === undefined || path === '' ? undefined : path;
}

/** The whole answer to a `connect` that is taken. */
export function answerConnect(output: SessionOutput, transactionId: number): void {
  output.control({ kind: 'window-acknowledgement-size', windowBytes });
  output.control({ kind: 'set-peer-bandwidth', windowBytes, limitType: 'dynamic' });
  output.control({ kind: 'user-control', event: { kind: 'stream-begin', messageStreamId: 0 } });
  output.setChunkSize(serverChunkBytes);
  output.command(
    connectResultMessage(
      transactionId,
      // Clients look for `FMS/` and a version of 3 or more; the capabilities are those of every other server.
      { fmsVer: 'FMS/3,5,7,7009', capabilities: 31, mode: 1, ...serverCapabilities },
      {
        level: 'status',
        code: 'NetConnection.Connect.Success',
        description: 'Connection succeeded.',
        // Whatever was asked for: what this server writes is AMF0.
        details: { objectEncoding: 0 },
      },
    ),
  );
}

export function rejectConnect(output: SessionOutput, transactionId: number, sentence: string): void {
  output.command(
    errorMessage(transactionId, {
      level: 'error',
      code: 'NetConnection.Connect.Rejected',
      description: sentence,
    }),
  );
}
