import {
  type AudioSampleEntryBox,
  defaultReaderConfig,
  type FileTypeBox,
  type HandlerReferenceBox,
  type MediaHeaderBox,
  type MovieFragmentHeaderBox,
  readIsoBoxes,
  type TrackFragmentBaseMediaDecodeTimeBox,
  type TrackFragmentHeaderBox,
  type TrackHeaderBox,
  type TrackRunBox,
  type VisualSampleEntryBox,
} from '@svta/cml-iso-bmff';

/** The boxes that tests look into. */
interface KnownBoxes {
  readonly ftyp: FileTypeBox;
  readonly tkhd: TrackHeaderBox;
  readonly mdhd: MediaHeaderBox;
  readonly hdlr: HandlerReferenceBox;
  readonly avc1: VisualSampleEntryBox<'avc1'>;
  readonly mp4a: AudioSampleEntryBox<'mp4a'>;
  readonly mfhd: MovieFragmentHeaderBox;
  readonly tfhd: TrackFragmentHeaderBox;
  readonly tfdt: TrackFragmentBaseMediaDecodeTimeBox;
  readonly trun: TrackRunBox;
}

interface AnyBox {
  readonly type: string;
  readonly boxes?: readonly AnyBox[];
  readonly entries?: readonly unknown[];
}

function isBox(value: unknown): value is AnyBox {
  return typeof value === 'object' && value !== null && 'type' in value;
}

function withChildren(box: AnyBox): AnyBox[] {
  return [box, ...[...(box.boxes ?? []), ...(box.entries ?? [])].filter(isBox).flatMap(withChildren)];
}

/** Reads boxes with a library that has nothing to do with our writer; children follow their parents. */
export function isoBoxes(bytes: Uint8Array): AnyBox[] {
  const boxes: readonly unknown[] = readIsoBoxes(Uint8Array.from(bytes), defaultReaderConfig());
  return boxes.filter(isBox).flatMap(withChildren);
}

/** The one box of its type. */
export function oneBox<Type extends keyof KnownBoxes>(boxes: readonly AnyBox[], type: Type): KnownBoxes[Type] {
  const found = boxes.filter((box) => box.type === type);
  const [box] = found;
  if (box === undefined || found.length !== 1) throw new Error(`there are ${found.length} boxes ${type}`);
  return box as unknown as KnownBoxes[Type];
}
