import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { decidePublish, type PublishPolicy } from '../policy/publish-credentials.ts';
import { settledWithin } from '../rtmp/abortable-wait.ts';
import { openMediaFile } from '../rtmp/media-file/media-file.ts';
import { publishRtmp } from '../rtmp/rtmp-publisher.ts';
import { ownHost } from '../base/own-address.ts';
import { reasonOf } from '../base/thrown.ts';
import { demoClip } from './program-files.ts';

export interface DemoOptions {
  /** The listener where encoders publish: the edge's if there is one, else the origin's. */
  readonly rtmpHost: string;
  readonly rtmpPort: number;
  /** Of all that it passes: the edge's and the origin's. */
  readonly policies: readonly PublishPolicy[];
  readonly clock: Clock;
  readonly log: Log;
}

const streamName = 'demo';
const firstRetryMs = 1_000;
const longestRetryMs = 30_000;

/**
 * The query that lets the demo publish as any other encoder on this machine would have to: empty where none is
 * needed, a configured stream key for each policy that wants one, `undefined` where no key opens it.
 */
export function demoQuery(policies: readonly PublishPolicy[], peerAddress = '127.0.0.1'): string | undefined {
  const parameters = new Set<string>();
  for (const policy of policies) {
    const candidates = ['', ...policy.keys.map(({ key }) => `key=${encodeURIComponent(key)}`)];
    const opening = candidates.find((query) => {
      const target = { app: 'live', tcUrl: undefined, streamName: `${streamName}?${query}`, peerAddress };
      return decidePublish(policy, target, (a, b) => a === b).kind === 'admitted';
    });
    if (opening === undefined) return undefined;
    if (opening !== '') parameters.add(opening);
  }
  return parameters.size === 0 ? '' : `?${[...parameters].join('&')}`;
}

/**
 * Publishes the demo clip in a loop over RTMP, as an encoder would, and comes back (later and later) when it is
 * disconnected. `stop` resolves when the stream has been unpublished, or after
 * its grace.
 */
export function startDemo({ rtmpHost, rtmpPort, policies, clock, log }: DemoOptions): {
  stop(graceMs: number): Promise<void>;
} {
  const host = ownHost(rtmpHost);
  // What connects to an address of this machine comes from that address.
  const query = demoQuery(policies, host.replace(/^\[|\]$/g, ''));
  if (query === undefined) {
    log.info({}, 'no stream key opens live/demo, so the demo clip is not published');
    return { stop: () => Promise.resolve() };
  }
  const stopping = new AbortController();
  const { signal } = stopping;
  const publishing = (async () => {
    let retryMs = firstRetryMs;
    while (!signal.aborted) {
      const begunMs = clock.monotonicMs();
      try {
        const file = await openMediaFile(demoClip);
        await using _closing = { [Symbol.asyncDispose]: () => file.close() };
        await publishRtmp({
          url: `rtmp://${host}:${rtmpPort}/live/${streamName}${query}`,
          source: file.items({ loop: true }),
          clock,
          log: log.child({ part: 'demo' }),
          signal,
          pacing: 'realtime',
        });
      } catch (error) {
        const lastedMs = clock.monotonicMs() - begunMs;
        retryMs = lastedMs > longestRetryMs ? firstRetryMs : Math.min(retryMs * 2, longestRetryMs);
        log.warn({ error: reasonOf(error), retryMs }, 'the demo is off the air');
        await new Promise<void>((resolve) => {
          const timer = clock.after(retryMs, resolve);
          signal.addEventListener('abort', () => {
            timer.cancel();
            resolve();
          });
        });
      }
    }
  })();
  return {
    stop: (graceMs) => {
      stopping.abort();
      return settledWithin(clock, graceMs, publishing);
    },
  };
}
