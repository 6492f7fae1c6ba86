import { readFileSync } from 'node:fs';
import { ConfigError } from '../base/errors.ts';
import { reasonOf } from '../base/thrown.ts';
import { matchesStreamPattern } from '../policy/publish-credentials.ts';
import { parseRtmpUrl, type RtmpAddress } from '../rtmp/rtmp-url.ts';
import type { RestreamSettings } from './settings.ts';

/** Another server that a stream is pushed on to. */
export interface RestreamTarget {
  readonly address: RtmpAddress;
  /** Certificates to trust, in PEM; `undefined` trusts those that Node does. */
  readonly ca: string | undefined;
  readonly queueBytes: number;
}

/** Where a stream of this path is pushed on to, each place once. */
export type RestreamTargets = (path: string) => readonly RestreamTarget[];

/** Throws a `ConfigError` when a file of certificates cannot be read. */
export function restreamTargets(rules: readonly RestreamSettings[]): RestreamTargets {
  const findings: string[] = [];
  const compiled = rules.map(({ stream, to, ca, queueBytes }, index) => {
    let trusted: string | undefined;
    try {
      if (ca !== undefined) trusted = readFileSync(ca, 'utf8');
    } catch (error) {
      findings.push(`origin.live.restream[${index}].ca: ${reasonOf(error)}`);
    }
    return { stream, to, ca: trusted, queueBytes };
  });
  if (findings.length > 0) throw new ConfigError('The origin does not start:', findings);
  return (path) => {
    const name = path.slice(path.lastIndexOf('/') + 1);
    const targets = new Map<string, RestreamTarget>();
    for (const { stream, to, ca, queueBytes } of compiled) {
      if (!matchesStreamPattern(stream, path)) continue;
      for (const template of to) {
        const url = template.replaceAll('{name}', name);
        if (!targets.has(url)) targets.set(url, { address: parseRtmpUrl(url), ca, queueBytes });
      }
    }
    return [...targets.values()];
  };
}
