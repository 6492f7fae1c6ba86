import type { ToldRevocation } from '../control/access-routes.ts';
import type { RevocationKind } from '../policy/limits/revocations.ts';
import { type PlaceFlags, runningEdge } from './place.ts';
import { say } from './say.ts';

export interface RevokeFlags extends PlaceFlags {
  /** In milliseconds. */
  readonly for?: number;
  readonly undo?: boolean;
}

/** `streamfront sessions`. As all of these: throws a `ConfigError` or an `UpstreamError` when it cannot be done. */
export async function listSessions({ json, ...flags }: PlaceFlags & { readonly json?: boolean }): Promise<void> {
  const sessions = await runningEdge(flags).sessions();
  if (json === true) {
    say([JSON.stringify(sessions)]);
    return;
  }
  const rows = sessions.map(({ id, protocol, stream, address, grantId, keyPairId, seconds, sentBytes }) => [
    id,
    protocol,
    stream,
    address,
    `${seconds} s`,
    sentBytes === undefined ? '' : `${(sentBytes / 1e6).toFixed(1)} MB`,
    grantId === undefined ? '' : `grant ${grantId}`,
    keyPairId === undefined ? '' : `key ${keyPairId}`,
  ]);
  say(rows.length === 0 ? ['Nobody watches or publishes.'] : inColumns(rows));
}

/** `streamfront revoke`: says what is revoked. */
export async function listRevocations(flags: PlaceFlags): Promise<void> {
  const revocations = await runningEdge(flags).revocations();
  say(
    revocations.length === 0
      ? ['Nothing is revoked.']
      : inColumns(revocations.map((revocation) => [revocation.kind, revocation.id, untilText(revocation)])),
  );
}

/** `streamfront revoke KIND ID`: in force when it returns. */
export async function revokeAccess(kind: RevocationKind, id: string, flags: RevokeFlags): Promise<void> {
  const { for: forMs, undo, ...place } = flags;
  const client = runningEdge(place);
  if (undo === true) {
    await client.takeBackRevocation(kind, id);
    say([`The ${kind} ${id} is not revoked any more.`]);
    return;
  }
  const report = await client.revoke(kind, id, forMs);
  const ended = `${report.ended} connection${report.ended === 1 ? '' : 's'} ended`;
  say([`Revoked the ${kind} ${report.id} ${untilText(report)}: ${ended}, whoever comes again is refused.`]);
}

function untilText({ untilMs }: ToldRevocation): string {
  return untilMs === undefined ? 'for good' : `until ${new Date(untilMs).toISOString()}`;
}

function inColumns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows.map((row) =>
    row
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
