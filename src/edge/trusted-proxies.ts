import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { AddressRanges } from '../http/address-ranges.ts';
import { RefusalLog } from '../live/refusal-log.ts';
import type { TrustedProxies } from '../sockets/proxy-reception.ts';
import type { ProxiedListener } from './proxy-settings.ts';

interface ProxySettings {
  readonly trustedProxies: readonly string[];
  readonly proxyProtocol: readonly ProxiedListener[];
}

/** Who may come for others, by listener; `undefined`: nobody. */
export function trustedProxies(
  { trustedProxies: ranges, proxyProtocol }: ProxySettings,
  surroundings: { readonly clock: Clock; readonly log: Log },
): (listener: ProxiedListener) => TrustedProxies | undefined {
  if (ranges.length === 0) return () => undefined;
  const trusted = new AddressRanges(ranges);
  const refusals = new RefusalLog(surroundings);
  return (listener) => ({
    trusted,
    proxyProtocol: proxyProtocol.includes(listener),
    onRefused: ({ code, peer, sentence }) => refusals.warn(code, { peer, listener }, sentence),
  });
}
