import type { VideoTrackConfig } from '../../formats/media/track.ts';
import type { RenditionSettings } from './ladder-settings.ts';

/** A rendition of one particular source. */
export interface PlannedRendition {
  readonly name: string;
  /** Square pixels, both even. */
  readonly width: number;
  readonly height: number;
  /** What the encoder may spend at most. */
  readonly bitsPerSecond: number;
  /** At most; `undefined`: those of the source. */
  readonly framesPerSecond: number | undefined;
}

/** What is usual for H.264 at 30 pictures a second. */
const usualBits: readonly (readonly [height: number, bitsPerSecond: number])[] = [
  [240, 400_000],
  [360, 800_000],
  [480, 1_400_000],
  [720, 2_800_000],
  [1_080, 5_000_000],
  [1_440, 9_000_000],
  [2_160, 16_000_000],
];
const highRate = 40;
const highRateFactor = 1.5;

/**
 * What is made of a source: only what is lower than the source itself, from the highest to the lowest. Heights are those
 * of the shorter side, so that a portrait picture of `720p` is 720 wide.
 */
export function planRenditions(
  wanted: readonly RenditionSettings[],
  source: Pick<VideoTrackConfig, 'width' | 'height' | 'pixelAspect' | 'framesPerSecond'>,
): PlannedRendition[] {
  const shownWidth = (source.width * source.pixelAspect.horizontal) / source.pixelAspect.vertical;
  const shorter = Math.min(shownWidth, source.height);
  return wanted
    .filter(({ height }) => height < shorter)
    .toSorted((a, b) => b.height - a.height || (b.bitsPerSecond ?? 0) - (a.bitsPerSecond ?? 0))
    .map(({ name, height, bitsPerSecond, framesPerSecond }) => {
      const scale = height / shorter;
      const rate = Math.min(source.framesPerSecond ?? Infinity, framesPerSecond ?? Infinity);
      const usual = usualBitsPerSecond(height) * (Number.isFinite(rate) && rate > highRate ? highRateFactor : 1);
      return {
        name,
        width: even(shownWidth * scale),
        height: even(source.height * scale),
        bitsPerSecond: bitsPerSecond ?? usual,
        framesPerSecond,
      };
    });
}

function usualBitsPerSecond(height: number): number {
  const [, bitsPerSecond] = usualBits.find(([least]) => height <= least) ?? [0, 32_000_000];
  return bitsPerSecond;
}

/** 4:2:0 has one colour sample for two pixels each way. */
function even(pixels: number): number {
  return Math.max(2, 2 * Math.round(pixels / 2));
}
