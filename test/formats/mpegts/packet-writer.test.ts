import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PacketWriter } from '../../../src/formats/mpegts/packet-writer.ts';
import { pesPacket } from '../../../src/formats/mpegts/pes-packet.ts';
import { programAssociationSection, programMapSection } from '../../../src/formats/mpegts/program-tables.ts';
import { streamTypes } from '../../../src/formats/mpegts/stream-type.ts';
import { readTransport } from '../../support/transport-reader.ts';

const streamPid = 0x100;

function writerWithTables(): PacketWriter {
  const writer = new PacketWriter();
  writer.writeSection(0, programAssociationSection());
  writer.writeSection(0x1000, programMapSection([{ pid: streamPid, type: streamTypes.avc }], streamPid, 7));
  return writer;
}

function pesOf(payload: Uint8Array): Uint8Array {
  return pesPacket({ streamId: 0xe0, ptsTicks: 9, dtsTicks: 5, pieces: [payload], isOpenEnded: true });
}

const field = fc.record(
  { clockTicks: fc.integer({ min: 0, max: 2 ** 33 - 1 }), randomAccess: fc.boolean(), discontinuity: fc.boolean() },
  { requiredKeys: [] },
);
const written = fc.record({ payload: fc.uint8Array({ maxLength: 2_000 }), field, fillCounter: fc.boolean() });

describe('PacketWriter', () => {
  it.each([{}, { randomAccess: true }, { clockTicks: 77 }])(
    'writes payloads of every length in whole packets: %o',
    (field) => {
      for (let length = 0; length <= 600; length++) {
        const writer = writerWithTables();
        const payload = Uint8Array.from({ length }, (_, index) => index % 251);
        writer.writePes(streamPid, pesOf(payload), field, false);
        const read = readTransport(writer.bytes);
        expect(read.findings).toEqual([]);
        expect(read.pes.get(streamPid)?.[0]?.payload).toEqual(payload);
        // No more packets than it takes.
        const fieldBytes = 'clockTicks' in field ? 8 : 'randomAccess' in field ? 2 : 0;
        const pesBytes = pesOf(payload).length;
        expect(read.packetCounts.get(streamPid)).toBe(Math.ceil((pesBytes + fieldBytes) / 184));
      }
    },
  );

  it('gives back whatever is written, of any size and with any adaptation field', () => {
    fc.assert(
      fc.property(fc.array(written, { minLength: 1, maxLength: 12 }), (all) => {
        const writer = writerWithTables();
        for (const { payload, field, fillCounter } of all)
          writer.writePes(streamPid, pesOf(payload), field, fillCounter);
        const read = readTransport(writer.bytes);
        expect(read.findings).toEqual([]);
        const pes = read.pes.get(streamPid) ?? [];
        expect(pes.map(({ payload }) => payload)).toEqual(all.map(({ payload }) => payload));
        expect(pes.map(({ randomAccess }) => randomAccess)).toEqual(
          all.map((each) => each.field.randomAccess === true),
        );
        expect(read.clocks.map(({ ticks }) => ticks)).toEqual(
          all.flatMap((each) => (each.field.clockTicks === undefined ? [] : [each.field.clockTicks])),
        );
        const count = read.packetCounts.get(streamPid) ?? 0;
        if (all.at(-1)?.fillCounter === true) expect(count % 16).toBe(0);
      }),
    );
  });

  it('tells no packet without payload by a counter of its own', () => {
    const writer = writerWithTables();
    writer.writePes(streamPid, pesOf(new Uint8Array(500)), {}, false);
    writer.writeClock(streamPid, { clockTicks: 2 ** 33 + 1 });
    writer.writePes(streamPid, pesOf(new Uint8Array(5)), {}, false);
    const read = readTransport(writer.bytes);
    expect(read.findings).toEqual([]);
    expect(read.clocks).toEqual([{ ticks: 1, discontinuity: false }]);
  });
});

describe('programMapSection', () => {
  it('names the streams with their types and registrations, the PID of the clock and the version', () => {
    const writer = new PacketWriter();
    writer.writeSection(0, programAssociationSection());
    const streams = [
      { pid: 0x100, type: streamTypes.hevc },
      { pid: 0x101, type: streamTypes.eac3 },
    ];
    writer.writeSection(0x1000, programMapSection(streams, 0x100, 33));
    const read = readTransport(writer.bytes);
    expect(read.findings).toEqual([]);
    expect([...read.streamTypes]).toEqual([
      [0x100, 0x24],
      [0x101, 0x87],
    ]);
    expect(read.clockPid).toBe(0x100);
    expect(read.programMapVersion).toBe(1);
    const text = Buffer.from(writer.bytes).toString('latin1');
    expect(text).toContain('\u0005\u0004HEVC');
    expect(text).toContain('\u0005\u0004EAC3');
  });
});

describe('pesPacket', () => {
  it('wraps times at 33 bits, those before zero too', () => {
    const top = 2 ** 33;
    for (const [ptsTicks, dtsTicks] of [
      [top + 5, top - 5],
      [0, -1],
      [top * 3, top * 3 - 90_000],
      [2 ** 32, 2 ** 32],
    ] as const) {
      const writer = writerWithTables();
      const pes = pesPacket({ streamId: 0xe0, ptsTicks, dtsTicks, pieces: [Uint8Array.of(1)], isOpenEnded: false });
      writer.writePes(streamPid, pes, { clockTicks: dtsTicks }, false);
      const read = readTransport(writer.bytes);
      expect(read.findings).toEqual([]);
      const modulo = (ticks: number) => ((ticks % top) + top) % top;
      expect(read.pes.get(streamPid)?.[0]).toMatchObject({ ptsTicks: modulo(ptsTicks), dtsTicks: modulo(dtsTicks) });
      expect(read.clocks[0]?.ticks).toBe(modulo(dtsTicks));
    }
  });
});
