import { fullBox, text, uint32, zeros } from './box.ts';

/** Something that happens at an instant of a track's time. */
export interface EventMessage {
  /** Says what `data` is: a URI. */
  readonly scheme: string;
  readonly timescale: number;
  readonly presentationTimeTicks: number;
  /** The same for the same event, wherever it is found. */
  readonly id: number;
  readonly data: Uint8Array;
}

/** ID3 timed metadata in CMAF (AOMedia, "Carriage of ID3 Timed Metadata in the Common Media Application Format" §2). */
export const id3EventScheme = 'https://aomedia.org/emsg/ID3';

const unknownDuration = 0xffff_ffff;

/** An event message box, version 1 (ISO/IEC 23009-1 §5.10.3.3). Stands before the `moof` of its part. */
export function eventMessage({ scheme, timescale, presentationTimeTicks, id, data }: EventMessage): Uint8Array {
  return fullBox(
    'emsg',
    1,
    0,
    uint32(timescale, Math.floor(presentationTimeTicks / 2 ** 32), presentationTimeTicks % 2 ** 32),
    uint32(unknownDuration, id),
    text(scheme),
    zeros(1),
    zeros(1), // no value
    data,
  );
}
