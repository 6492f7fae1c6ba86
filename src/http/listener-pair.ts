import type { Clock } from '../base/clock.ts';
import type { ListeningPlace } from '../sockets/listening.ts';
import type { TrustedProxies } from '../sockets/proxy-reception.ts';
import { type HttpListener, type HttpListenerOptions, startHttpListener } from './listener.ts';
import { type TlsFiles, TlsMaterial } from './tls-material.ts';

export interface ListenerPairOptions {
  /** Whose listeners they are, and the group of their settings: `edge`, `origin`. */
  readonly name: string;
  readonly http: ListeningPlace;
  /** If left out, there is none for HTTPS. */
  readonly https: (ListeningPlace & TlsFiles) | undefined;
  /** What holds for both. */
  readonly common: Omit<HttpListenerOptions, 'name' | 'host' | 'port' | 'setting' | 'tls' | 'proxies'>;
  /** Who may come for others. */
  readonly proxies?: (listener: 'http' | 'https') => TrustedProxies | undefined;
  readonly clock: Clock;
}

/** What is said of one is said of the listener for HTTP. */
export interface ListenerPair extends HttpListener {
  readonly httpsPort: number | undefined;
}

/**
 * Listens for HTTP, and for HTTPS with certificate and key from files. Throws `ConfigError` when a port cannot be had, and
 * when the files cannot be used; nothing listens then.
 */
export async function startListenerPair(options: ListenerPairOptions): Promise<ListenerPair> {
  const { name, common, https, clock } = options;
  await using opened = new AsyncDisposableStack();
  const listening: HttpListener[] = [];
  let closeGraceMs = 0;
  opened.defer(async () => {
    await Promise.all(listening.map((listener) => listener.close(closeGraceMs)));
  });
  const listen = async (listener: 'http' | 'https', { host, port }: ListeningPlace, tls?: TlsMaterial) => {
    const proxies = options.proxies?.(listener);
    const setting = `${name}.${listener}.port`;
    const more = { ...(tls && { tls }), ...(proxies && { proxies }) };
    const started = await startHttpListener({ ...common, name, host, port, setting, ...more });
    listening.push(started);
    return started;
  };
  let httpsPort: number | undefined;
  if (https !== undefined) {
    const tls = new TlsMaterial({ files: https, setting: `${name}.https`, clock, log: common.log });
    opened.defer(() => tls.close());
    httpsPort = (await listen('https', https, tls)).port;
  }
  const { port, address } = await listen('http', options.http);
  const running = opened.move();
  return {
    port,
    address,
    httpsPort,
    endAnswersOf: (isOver) => listening.reduce((ended, listener) => ended + listener.endAnswersOf(isOver), 0),
    close: (graceMs) => {
      closeGraceMs = graceMs;
      return running.disposeAsync();
    },
  };
}
