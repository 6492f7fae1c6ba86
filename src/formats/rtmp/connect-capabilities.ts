import { amf0Object, type Amf0Object, type Amf0Value, propertiesOf } from '../amf0/value.ts';
import { type FlvClientCapabilities, legacyFlvClient } from '../flv/client-capabilities.ts';
import { audioFourCcs, carriedFourCcs, videoFourCcs } from '../flv/four-cc.ts';
import type { AudioCodec, VideoCodec } from '../media/track.ts';

/** `FourCcInfoMask` (Enhanced RTMP v2, "Enhancing NetConnection connect Command"). */
const fourCcInfo = { canDecode: 0x01, canForward: 0x04 } as const;

/** `CapsExMask`. Nanoseconds beside timestamps (0x08) are read over and not kept: they are not announced. */
const capsEx = { reconnect: 0x01, multitrack: 0x02, modEx: 0x04 } as const;

/** Bits of `audioCodecs`, `videoCodecs` and `videoFunction` (RTMP 1.0 §7.2.1.1; the last two from Enhanced RTMP). */
const soundMp3 = 0x0004;
const soundAac = 0x0400;
const videoH264 = 0x0080;
const videoHdr = 0x0002;
const videoMetadataPackets = 0x0004;

const anyCodec = '*';

/**
 * What the `_result` of `connect` says of this server: it forwards every codec, several tracks, reads `ModEx`, and asks
 * clients to reconnect before it shuts down.
 */
export const serverCapabilities: Readonly<Record<string, Amf0Value>> = {
  fourCcList: carriedFourCcs,
  videoFourCcInfoMap: amf0Object({ [anyCodec]: fourCcInfo.canForward }),
  audioFourCcInfoMap: amf0Object({ [anyCodec]: fourCcInfo.canForward }),
  capsEx: capsEx.reconnect | capsEx.multitrack | capsEx.modEx,
};

/**
 * What a client says in the command object of `connect` that it can take. Who says nothing takes H.264, AAC and MP3 in
 * the form of old. An info map counts for more than `fourCcList`, which is the older way to say it.
 */
export function parseConnectCapabilities(properties: Amf0Object): FlvClientCapabilities {
  const list = fourCcList(properties.get('fourCcList'));
  const video = infoMap(properties.get('videoFourCcInfoMap')) ?? list;
  const audio = infoMap(properties.get('audioFourCcInfoMap')) ?? list;
  const extended = flags(properties.get('capsEx')) ?? 0;
  const videoFunction = flags(properties.get('videoFunction')) ?? 0;
  return {
    legacyCodecs: legacyCodecsOf(properties),
    enhancedCodecs: new Set([...codecsIn(videoFourCcs, video), ...codecsIn(audioFourCcs, audio)]),
    multitrack: (extended & capsEx.multitrack) !== 0,
    colorInfo: (videoFunction & (videoHdr | videoMetadataPackets)) !== 0,
    reconnect: (extended & capsEx.reconnect) !== 0,
    dialect: 'standard',
  };
}

/** Clients that know nothing of these bits leave them out, or write 0: they take what everybody takes. */
function legacyCodecsOf(properties: Amf0Object): FlvClientCapabilities['legacyCodecs'] {
  const audio = flags(properties.get('audioCodecs')) ?? 0;
  const video = flags(properties.get('videoCodecs')) ?? 0;
  const says = { avc: [video, videoH264], aac: [audio, soundAac], mp3: [audio, soundMp3] } as const;
  return new Set(
    [...legacyFlvClient.legacyCodecs].filter((codec) => {
      const [announced, bit] = says[codec];
      return announced === 0 || (announced & bit) !== 0;
    }),
  );
}

/** Lower case: the specification itself writes `Hvc1` in its examples. */
function fourCcList(value: Amf0Value): ReadonlySet<string> {
  if (!Array.isArray(value)) return new Set();
  const entries: readonly Amf0Value[] = value;
  return new Set(entries.filter((entry) => typeof entry === 'string').map((entry) => entry.toLowerCase()));
}

/** The FourCCs that the client can decode or pass on; what it can only encode is nothing to send to it. */
function infoMap(value: Amf0Value): ReadonlySet<string> | undefined {
  const properties = propertiesOf(value);
  if (properties === undefined) return undefined;
  const takes = (mask: Amf0Value) => ((flags(mask) ?? 0) & (fourCcInfo.canDecode | fourCcInfo.canForward)) !== 0;
  return new Set([...properties].filter(([, mask]) => takes(mask)).map(([fourCc]) => fourCc.toLowerCase()));
}

function codecsIn<Codec extends VideoCodec | AudioCodec>(
  fourCcs: Readonly<Record<Codec, string>>,
  announced: ReadonlySet<string>,
): Codec[] {
  const entries = Object.entries(fourCcs) as [Codec, string][];
  const takesAll = announced.has(anyCodec);
  return entries.filter(([, fourCc]) => takesAll || announced.has(fourCc.toLowerCase())).map(([codec]) => codec);
}

/** A number whose bits mean something. */
function flags(value: Amf0Value): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff ? value : undefined;
}
