/** What a file is by its first bytes, whatever its name says. */
export type ContainerKind =
  | { readonly kind: 'mp4' | 'flv' | 'mp3' }
  /** `name`: what it is instead, in plain words. */
  | { readonly kind: 'other'; readonly name: string }
  /** Nothing that is known by its first bytes. */
  | { readonly kind: 'unknown' };

/** As much of the beginning as it takes; of a shorter file all of it. */
export const containerKindBytes = 512;

/** Boxes with which files of ISO/IEC 14496-12 or of QuickTime begin. */
const mp4Boxes: ReadonlySet<string> = new Set([
  'ftyp',
  'styp',
  'moov',
  'mdat',
  'moof',
  'sidx',
  'free',
  'skip',
  'wide',
  'pnot',
  'uuid',
  'emsg',
]);

const others: readonly (readonly [name: string, offset: number, bytes: string])[] = [
  ['Matroska or WebM', 0, '\x1a\x45\xdf\xa3'],
  ['Ogg', 0, 'OggS'],
  ['FLAC', 0, 'fLaC'],
  ['AVI', 8, 'AVI '],
  ['WAV', 8, 'WAVE'],
  ['WebP', 8, 'WEBP'],
  ['AIFF', 0, 'FORM'],
  ['Windows Media', 0, '\x30\x26\xb2\x75'],
  ['RealMedia', 0, '.RMF'],
  ['MPEG program stream', 0, '\x00\x00\x01\xba'],
  ['MPEG video without a container', 0, '\x00\x00\x01\xb3'],
  ['H.264 or H.265 without a container', 0, '\x00\x00\x00\x01'],
  ['an SWF animation', 0, 'FWS'],
  ['an SWF animation', 0, 'CWS'],
  ['Dolby Digital without a container', 0, '\x0b\x77'],
  ['MIDI', 0, 'MThd'],
  ['a playlist (M3U8)', 0, '#EXTM3U'],
  ['a JPEG picture', 0, '\xff\xd8\xff'],
  ['a PNG picture', 0, '\x89PNG'],
  ['a GIF picture', 0, 'GIF8'],
  ['a PDF document', 0, '%PDF'],
  ['a ZIP archive', 0, 'PK\x03\x04'],
  ['a gzip archive', 0, '\x1f\x8b'],
  ['an HTML or XML document', 0, '<'],
  ['JSON', 0, '{'],
];

const transportPacketBytes = 188;
const syncByte = 0x47;

/** Tells the container of a file by the first `containerKindBytes` of it. */
export function containerKind(head: Uint8Array): ContainerKind {
  if (head.length === 0) return { kind: 'other', name: 'an empty file' };
  const text = String.fromCharCode(...head.subarray(0, 16));
  if (text.startsWith('FLV')) return { kind: 'flv' };
  if (mp4Boxes.has(text.slice(4, 8))) return { kind: 'mp4' };
  if (isTransportStream(head)) return { kind: 'other', name: 'an MPEG transport stream' };
  const other = others.find(([, offset, bytes]) => text.startsWith(bytes, offset));
  if (other !== undefined) return { kind: 'other', name: other[0] };
  if (isAdts(head)) return { kind: 'other', name: 'AAC without a container (ADTS)' };
  // ID3 and APE stand before other sound as well: who reads the frames behind them finds out.
  if (text.startsWith('ID3') || text.startsWith('APETAGEX') || isLayer3(head)) return { kind: 'mp3' };
  return { kind: 'unknown' };
}

function isTransportStream(head: Uint8Array): boolean {
  return [0, 1, 2].every((packet) => {
    const at = packet * transportPacketBytes;
    return at >= head.length ? packet > 0 : head[at] === syncByte;
  });
}

/** ISO/IEC 13818-7 §6.2.1: twelve ones, and a layer that no MPEG audio has. */
function isAdts([first, second = 0]: Uint8Array): boolean {
  return first === 0xff && (second & 0xf6) === 0xf0;
}

/** ISO/IEC 11172-3 §2.4.1.3: eleven ones, a version that is not reserved, layer III. */
function isLayer3([first, second = 0]: Uint8Array): boolean {
  return first === 0xff && (second & 0xe0) === 0xe0 && (second & 0x06) === 0x02 && (second & 0x18) !== 0x08;
}
