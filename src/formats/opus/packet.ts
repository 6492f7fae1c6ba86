import { ByteReader } from '../../base/byte-reader.ts';

/** 120 ms. */
const longestPacketSamples = 5_760;
const samplesPerMs = 48;
/** Frame lengths by the lower bits of the configuration number (RFC 6716 table 2). */
const silkMs = [10, 20, 40, 60] as const;
const hybridMs = [10, 20] as const;
const celtMs = [2.5, 5, 10, 20] as const;

/** Samples at 48 kHz that a packet decodes to (RFC 6716 §3.1); `undefined` for what is no packet. */
export function opusPacketSamples(packet: Uint8Array): number | undefined {
  const [toc, second = 0] = packet;
  if (toc === undefined) return undefined;
  const configuration = toc >> 3;
  const frameMs =
    configuration < 12
      ? silkMs[configuration & 3]
      : configuration < 16
        ? hybridMs[configuration & 1]
        : celtMs[configuration & 3];
  const code = toc & 3;
  const frames = code === 3 ? second & 0x3f : code === 0 ? 1 : 2;
  const samples = frames * (frameMs ?? 0) * samplesPerMs;
  return samples > 0 && samples <= longestPacketSamples ? samples : undefined;
}

export const silentOpusSamples = 960;

/** One frame of CELT, 20 ms, with its silence flag set (RFC 6716 §4.3). */
const silentPacket = [0xf8, 0xff, 0xfe];
/** The same where another stream follows in the packet: its length stands in it (RFC 6716 appendix B). */
const silentDelimited = [0xf8, 2, 0xff, 0xfe];

/** A packet of 20 ms that decodes to silence in every channel of the stream with this identification header. */
export function silentOpusPacket(identificationHeader: Uint8Array): Uint8Array {
  const reader = new ByteReader(identificationHeader, 'Opus identification header');
  reader.skip(18);
  const streams = reader.uint8() === 0 ? 1 : reader.uint8(); // mapping family, stream count
  return Uint8Array.from([...Array.from({ length: streams - 1 }, () => silentDelimited).flat(), ...silentPacket]);
}
