import type {
  AudioTrackConfig,
  Av1TrackConfig,
  AvcTrackConfig,
  HevcTrackConfig,
  TrackConfig,
  VpxTrackConfig,
} from '../media/track.ts';

/** There is no binding of VP8 to CMAF, and nobody plays it in MP4. */
export type CmafVideoTrackConfig =
  | AvcTrackConfig
  | HevcTrackConfig
  | Av1TrackConfig
  | (VpxTrackConfig & { readonly codec: 'vp9' });

/** The tracks that CMAF files are written of. */
export type CmafTrackConfig = CmafVideoTrackConfig | AudioTrackConfig;

/** Whether the codec is one that is packaged. */
export function isCmafTrack(config: TrackConfig): config is CmafTrackConfig {
  return config.codec !== 'vp8';
}
