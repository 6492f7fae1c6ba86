import type { TrackConfig } from '../../src/formats/media/track.ts';
import type { PublicationLease } from '../../src/live/publication-lease.ts';
import type { PublishOffer, StreamDirectory } from '../../src/live/stream-directory.ts';

interface LeaseWanted extends Pick<PublishOffer, 'path'>, Partial<Pick<PublishOffer, 'role' | 'credential'>> {
  /** The role if it is left out. */
  readonly peer?: string;
  readonly encoder?: string;
  readonly startedWallMs?: number;
  /** Told at once. */
  readonly configs?: readonly TrackConfig[];
}

/** The lease of a publisher that a directory takes; throws when it does not. */
export function grantedLease(
  directory: Pick<StreamDirectory, 'publish'>,
  { path, role = 'primary', credential, peer = role, encoder, startedWallMs = 0, configs = [] }: LeaseWanted,
): PublicationLease {
  const publication = { peer, encoder, startedWallMs };
  const outcome = directory.publish({ path, role, publication, credential, onTakenOver: () => {} });
  if (outcome.kind === 'refused') throw new Error(outcome.sentence);
  for (const config of configs) outcome.lease.setTrackConfig(config);
  return outcome.lease;
}
