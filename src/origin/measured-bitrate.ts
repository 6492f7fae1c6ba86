/** Bits a second of what a window holds. */
export interface MeasuredBitrate {
  readonly peak: number;
  readonly average: number;
}
