import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { PublishHookEvent } from '../../src/policy/publish-hook.ts';

export interface HookRequest {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly event: PublishHookEvent;
}

/** What the hook answers; `never` leaves the question open. */
export type HookReply = { readonly status: number; readonly body?: string } | 'never' | 'reset';

/** A publish hook on a free port, which answers as it is told. */
export interface HookServer {
  readonly url: string;
  readonly requests: HookRequest[];
  /** Of each request, by its event; replace it to change the answers. */
  reply: (event: PublishHookEvent) => HookReply | Promise<HookReply>;
  close(): Promise<void>;
}

export async function startHookServer(reply: HookServer['reply'] = () => ({ status: 200 })): Promise<HookServer> {
  const requests: HookRequest[] = [];
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      const body = Buffer.concat(pieces).toString('utf8');
      const event = JSON.parse(body) as PublishHookEvent;
      const { method, url, headers } = request;
      requests.push({ method, url, headers, body, event });
      void Promise.resolve(hook.reply(event)).then((answer) => {
        if (answer === 'never') return;
        if (answer === 'reset') request.socket.resetAndDestroy();
        else response.writeHead(answer.status, { location: '/elsewhere' }).end(answer.body ?? '');
      });
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const hook: HookServer = {
    url: `http://127.0.0.1:${port}/may-publish?tenant=1`,
    requests,
    reply,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return hook;
}
