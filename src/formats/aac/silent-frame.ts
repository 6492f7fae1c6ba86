import type { AacTrackConfig } from '../media/track.ts';

/** One `single_channel_element` and one `channel_pair_element` with nothing in them (ISO/IEC 14496-3 §4.4.2.1). */
const silentMono = Uint8Array.of(0x00, 0xc8, 0x00, 0x80, 0x23, 0x80);
const silentStereo = Uint8Array.of(0x21, 0x00, 0x49, 0x90, 0x02, 0x19, 0x00, 0x23, 0x80);

/** A raw AAC-LC frame that decodes to silence; `undefined` where none is known (SBR, more than two channels). */
export function silentFrame(config: AacTrackConfig): Uint8Array | undefined {
  if (config.codecString !== 'mp4a.40.2') return undefined;
  if (config.channels === 1) return silentMono;
  return config.channels === 2 ? silentStereo : undefined;
}
