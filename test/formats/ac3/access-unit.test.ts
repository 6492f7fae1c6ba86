import { describe, expect, it } from 'vitest';
import { BitWriter } from '../../../src/base/bit-writer.ts';
import { ProtocolError } from '../../../src/base/errors.ts';
import { ac3TrackConfig, eac3Samples } from '../../../src/formats/ac3/access-unit.ts';

interface Frame {
  readonly dependent?: boolean;
  readonly substreamId?: number;
  /** 0 to 3 for 1, 2, 3 and 6 blocks. */
  readonly blocksCode?: number;
  readonly bytes?: number;
  readonly channelMap?: number;
}

/** 48 kHz, five channels and a sixth for low frequencies. */
function eac3({ dependent = false, substreamId = 0, blocksCode = 3, bytes = 20, channelMap }: Frame): Uint8Array {
  const writer = new BitWriter().write(16, 0x0b77).write(2, Number(dependent)).write(3, substreamId);
  writer
    .write(11, bytes / 2 - 1)
    .write(2, 0)
    .write(2, blocksCode)
    .write(3, 7)
    .write(1, 1)
    .write(5, 16);
  writer.write(5, 31).write(1, 0);
  if (channelMap !== undefined) writer.write(1, 1).write(16, channelMap);
  const frame = new Uint8Array(bytes);
  frame.set(writer.bytes().subarray(0, bytes));
  return frame;
}

const joined = (...frames: readonly Uint8Array[]) => Uint8Array.from(frames.flatMap((frame) => [...frame]));

describe('eac3Samples', () => {
  it('counts the blocks of the first program', () => {
    expect(eac3Samples(eac3({}))).toBe(1_536);
    expect(eac3Samples(joined(...Array.from({ length: 6 }, () => eac3({ blocksCode: 0 }))))).toBe(1_536);
    expect(eac3Samples(joined(eac3({}), eac3({ dependent: true }), eac3({ substreamId: 1 })))).toBe(1_536);
  });

  it('takes no access unit for one that has nothing of it', () => {
    expect(() => eac3Samples(eac3({ substreamId: 1 }))).toThrow(ProtocolError);
    expect(() => eac3Samples(eac3({ dependent: true }))).toThrow(ProtocolError);
  });

  it('ends with what is no frame, and soon where there is no end of them', () => {
    expect(eac3Samples(joined(eac3({}), Uint8Array.of(1, 2, 3)))).toBe(1_536);
    const endless = joined(...Array.from({ length: 1_000 }, () => eac3({ bytes: 8, blocksCode: 0 })));
    expect(eac3Samples(endless)).toBe(48 * 256);
  });
});

describe('ac3TrackConfig, E-AC-3 of 7.1', () => {
  it('counts the channels that a dependent substream adds, and tells them in the box', () => {
    // Left and right surround in place of those of the first, and the pair behind them.
    const unit = joined(eac3({ bytes: 40 }), eac3({ dependent: true, channelMap: 0x1a00, bytes: 24 }));
    const config = ac3TrackConfig('eac3', unit);
    expect(config).toMatchObject({ channels: 8, samplesPerFrame: 1_536 });
    expect(config.specificBox).toEqual(
      new BitWriter()
        .write(13, 16) // 64 bytes in 32 ms
        .write(3, 0)
        .write(2, 0)
        .write(5, 16)
        .write(5, 0)
        .write(3, 7)
        .write(1, 1)
        .write(3, 0)
        .write(4, 1)
        .write(9, 0b10)
        .bytes(),
    );
  });
});
