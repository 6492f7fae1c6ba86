import { decodeAmf0 } from '../amf0/decode.ts';
import { encodeAmf0 } from '../amf0/encode.ts';
import { type Amf0Object, amf0Object, type Amf0Value, propertiesOf } from '../amf0/value.ts';
import type { ColorInfo } from '../media/color-info.ts';

const colorInfoName = 'colorInfo';

/**
 * The body of a video metadata packet (Enhanced RTMP v2, "Metadata Frame"): pairs of a name and a value. `found` is
 * false when there are no colours among them; `colorInfo` is `undefined` where they are reset. Throws `ProtocolError`
 * when it is not AMF0.
 */
export function parseVideoMetadata(body: Uint8Array): {
  readonly found: boolean;
  readonly colorInfo: ColorInfo | undefined;
} {
  const values = decodeAmf0(body);
  const at = values.findIndex((value, index) => index % 2 === 0 && value === colorInfoName);
  const properties = propertiesOf(values[at + 1]);
  const isReset = properties === undefined || properties.size === 0;
  return { found: at !== -1, colorInfo: at === -1 || isReset ? undefined : colorInfoOf(properties) };
}

/** The body of a video metadata packet; `undefined` resets the colours. */
export function encodeVideoMetadata(colorInfo: ColorInfo | undefined): Uint8Array {
  if (colorInfo === undefined) return encodeAmf0([colorInfoName, undefined]);
  const { colorConfig, hdrCll, hdrMdcv } = colorInfo;
  const groups: [string, Amf0Value][] = [];
  if (colorConfig !== undefined) groups.push(['colorConfig', numbers(colorConfig)]);
  if (hdrCll !== undefined) groups.push(['hdrCll', numbers({ maxFall: hdrCll.maxFall, maxCLL: hdrCll.maxCll })]);
  if (hdrMdcv !== undefined) groups.push(['hdrMdcv', numbers(hdrMdcv)]);
  return encodeAmf0([colorInfoName, new Map(groups)]);
}

function numbers(fields: Readonly<Record<string, number | undefined>>): Amf0Object {
  return amf0Object(Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)));
}

function colorInfoOf(properties: Amf0Object): ColorInfo {
  const group = (name: string) => {
    const fields = propertiesOf(properties.get(name));
    return fields && ((field: string) => finiteNumber(fields.get(field)));
  };
  const config = group('colorConfig');
  const cll = group('hdrCll');
  const mdcv = group('hdrMdcv');
  return {
    colorConfig: config && {
      bitDepth: config('bitDepth'),
      colorPrimaries: config('colorPrimaries'),
      transferCharacteristics: config('transferCharacteristics'),
      matrixCoefficients: config('matrixCoefficients'),
    },
    hdrCll: cll && { maxFall: cll('maxFall'), maxCll: cll('maxCLL') },
    hdrMdcv: mdcv && {
      redX: mdcv('redX'),
      redY: mdcv('redY'),
      greenX: mdcv('greenX'),
      greenY: mdcv('greenY'),
      blueX: mdcv('blueX'),
      blueY: mdcv('blueY'),
      whitePointX: mdcv('whitePointX'),
      whitePointY: mdcv('whitePointY'),
      maxLuminance: mdcv('maxLuminance'),
      minLuminance: mdcv('minLuminance'),
    },
  };
}

function finiteNumber(value: Amf0Value): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}
