import type { Duplex } from 'node:stream';

/** What a connection is told whose request cannot be understood, or does not come: it is closed behind that. */
export type BrokenRequest =
  | '400 Bad Request'
  | '408 Request Timeout'
  | '413 Payload Too Large'
  | '431 Request Header Fields Too Large';

/** Says what is wrong and closes the connection. */
export function refuseConnection(socket: Duplex, status: BrokenRequest): void {
  const body = `${status.slice(4).toLowerCase()}\n`;
  socket.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nCache-Control: no-store\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}

/** The parser gave up on a connection: it is told why, unless an answer is on its way on it, and closed. */
export function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Duplex): void {
  // Node's own mark of the answer that a connection is busy with: a status line must not land in its body.
  const { _httpMessage: current } = socket as { _httpMessage?: { headersSent: boolean } | null };
  if (error.code === 'ECONNRESET' || !socket.writable || current?.headersSent === true) {
    socket.destroy();
    return;
  }
  refuseConnection(socket, brokenRequest(error.code));
}

function brokenRequest(code: string | undefined): BrokenRequest {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return '431 Request Header Fields Too Large';
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return '413 Payload Too Large';
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return '408 Request Timeout';
    default:
      return '400 Bad Request';
  }
}
