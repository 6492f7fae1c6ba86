import type { AacTrackConfig, AvcTrackConfig, TrackConfig } from '../media/track.ts';

/** The tracks that CMAF files are written of. */
export type CmafTrackConfig = AvcTrackConfig | AacTrackConfig;

/** Whether the codec is one that is packaged. */
export function isCmafTrack(config: TrackConfig): config is CmafTrackConfig {
  return config.codec === 'avc' || config.codec === 'aac';
}
