import { sampleVideos } from '../../support/sample-tracks.ts';
import { avcEntry, fullMp4Box, type SyntheticSample, type SyntheticTrack, u32 } from '../../support/synthetic-mp4.ts';

export interface HostileFile {
  /** What it is. */
  readonly name: string;
  readonly bytes: () => Uint8Array;
  /** The code of the error with which it is refused when opened; `undefined`: it opens, and what is whole in it plays. */
  readonly refusedBy: string | undefined;
}

export const hundredMillion = 100_000_000;

export const video = avcEntry(sampleVideos.avc.record);

/** A full box of nothing but numbers. */
export function table(type: string, ...numbers: readonly number[]): Uint8Array {
  return fullMp4Box(type, 0, 0, u32(...numbers));
}

export function samplesOf(count: number): SyntheticSample[] {
  return Array.from({ length: count }, (_, index) => ({
    durationTicks: 40,
    compositionOffsetTicks: 0,
    sync: index % 5 === 0,
    data: Uint8Array.of(0, 0, 0, 1, index),
  }));
}

export const hostileTrack: SyntheticTrack = {
  handler: 'vide',
  timescale: 1_000,
  entries: [video],
  samples: samplesOf(10),
};

