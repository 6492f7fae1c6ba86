import type { IncomingMessage, ServerResponse } from 'node:http';

/** What the player page must know of the edge it came from, to tell people how to publish. */
export interface EdgeFacts {
  readonly location: string;
  readonly rtmpPort: number;
  readonly rtmpsPort: number | undefined;
  /** Whether an encoder on the edge's own machine needs a stream key. */
  readonly streamKeyNeeded: boolean;
}

export const edgeDocumentPath = '/streamfront.json';

export function wantsEdgeDocument(request: IncomingMessage): boolean {
  return request.url === edgeDocumentPath && (request.method === 'GET' || request.method === 'HEAD');
}

/** `GET /streamfront.json`: of this edge alone, so that no cache in front of it may keep it. */
export function answerEdgeDocument({ rtmpPort, rtmpsPort, ...facts }: EdgeFacts, response: ServerResponse): void {
  const body = JSON.stringify({ ...facts, publish: { rtmpPort, rtmpsPort: rtmpsPort ?? null } });
  response.writeHead(200, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    'X-Edge-Location': facts.location,
  });
  response.end(body);
}
