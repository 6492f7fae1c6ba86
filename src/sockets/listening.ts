import type { Server } from 'node:net';
import { codeOf, reasonOf } from '../base/thrown.ts';

export interface ListeningPlace {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
}

/** Resolves when it listens. Rejects with the system's error if it cannot: `EADDRINUSE`, `EACCES`. */
export function listenAt(server: Server, { host, port }: ListeningPlace): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Why it cannot, and what to do. `setting`: the one that says the port, such as `edge.http.port`. */
export function listenFinding(error: unknown, { host, port }: ListeningPlace, setting: string): string {
  const hostSetting = setting.replace(/port$/, 'host');
  switch (codeOf(error)) {
    case 'EADDRINUSE':
      return `port ${port} on ${host} is in use: choose another with ${setting} (0 takes any free one)`;
    case 'EACCES':
      return `port ${port} on ${host} is not allowed for this user: choose one above 1023 with ${setting}`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `this machine has no address ${host}: change ${hostSetting}`;
    default:
      return `port ${port} on ${host} cannot be had (${reasonOf(error)}): see ${setting} and ${hostSetting}`;
  }
}
