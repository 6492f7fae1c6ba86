import { type ConfigurationFlags, loadConfiguration } from './configuration.ts';
import type { PublishSettings } from '../policy/publish-settings.ts';
import { formatDurationMs, formatSizeBytes } from '../base/units.ts';

/** `streamfront check`: throws a `ConfigError` with all findings, or prints what the configuration means. */
export function check(flags: ConfigurationFlags): void {
  const { file, configuration } = loadConfiguration(flags);
  const { roles, data, origin, edge } = configuration;
  const lines = [`${file ?? 'The default configuration (no streamfront.yaml in this folder)'} is fine.`];
  lines.push(`  roles    ${roles.join(', ')}; data in ${data}`);
  if (roles.includes('origin')) {
    lines.push(
      `  origin   RTMP in on ${origin.rtmp.host}:${origin.rtmp.port}, HTTP on ${origin.http.host}:${origin.http.port}`,
      `           publishing: ${describeAuth(origin.publish)}`,
      `           live window ${formatDurationMs(origin.live.windowMs)}, segments of ${formatDurationMs(origin.live.segmentMs)}, parts of ${formatDurationMs(origin.live.partMs)}`,
    );
  }
  if (roles.includes('edge')) {
    lines.push(
      `  edge     HTTP on ${edge.http.host}:${edge.http.port}, location ${edge.location}, ${formatSizeBytes(edge.cache.memoryBytes)} of memory for the cache`,
    );
    for (const distribution of edge.distributions) {
      lines.push(`           distribution ${distribution.name} for ${distribution.hosts.join(', ')}`);
      for (const behaviour of distribution.behaviours) {
        lines.push(`             ${behaviour.path} → ${behaviour.origin} (${edge.origins[behaviour.origin]?.url})`);
      }
    }
  }
  process.stdout.write(`${lines.join('\n')}\n`);
}

function describeAuth(publish: PublishSettings): string {
  const keys = `${publish.keys.length} stream key${publish.keys.length === 1 ? '' : 's'}`;
  switch (publish.auth) {
    case 'loopback':
      return `encoders on this machine need no key, others need one (${keys})`;
    case 'key':
      return `every encoder needs a key (${keys})`;
    case 'hook':
      return 'the hook decides about every encoder';
    case 'none':
      return publish.hook === undefined
        ? 'anybody who reaches the port may publish'
        : 'whoever the hook lets in may publish';
  }
}
