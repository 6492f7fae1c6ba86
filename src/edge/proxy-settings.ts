import { z } from 'zod';
import { isAddressRange } from '../http/address-ranges.ts';

const listeners = ['http', 'https', 'rtmp', 'rtmps'] as const;

export type ProxiedListener = (typeof listeners)[number];

/** Whose word counts on who a viewer is. */
export const trustedProxiesField = z
  .array(
    z
      .string()
      .refine((text) => isAddressRange(text), {
        error: 'must be an address or a range such as 10.0.0.0/8 or 2001:db8::/32',
      })
      .meta({ title: 'address range' }),
  )
  .max(256)
  .default([])
  .describe(
    'Load balancers and proxies in front of this edge: who comes through them counts with the own address, as `X-Forwarded-For` or the PROXY protocol tells it; for grants, countries, limits and logs',
  );

/** Where they tell it before the first byte of a connection. */
export const proxyProtocolField = z
  .array(z.enum(listeners))
  .default([])
  .describe(
    'Listeners at which connections from `trustedProxies` begin with a PROXY header (version 1 or 2): without one they are refused, and so is one from anybody else',
  );

interface ProxySettings {
  readonly trustedProxies: readonly string[];
  readonly proxyProtocol: readonly ProxiedListener[];
  readonly https?: unknown;
  readonly rtmps?: unknown;
}

/** What cannot stand, by setting below `edge`, in the operator's words. */
export function proxyFindings(edge: ProxySettings): { path: (string | number)[]; message: string }[] {
  const { proxyProtocol, trustedProxies } = edge;
  const findings: { path: (string | number)[]; message: string }[] = [];
  if (proxyProtocol.length > 0 && trustedProxies.length === 0) {
    const message = 'nobody may send a PROXY header: edge.trustedProxies says from where they may come';
    findings.push({ path: ['proxyProtocol'], message });
  }
  proxyProtocol.forEach((listener, l) => {
    if ((listener === 'https' || listener === 'rtmps') && edge[listener] === undefined) {
      findings.push({ path: ['proxyProtocol', l], message: `there is no such listener: edge.${listener} is not set` });
    }
  });
  return findings;
}
