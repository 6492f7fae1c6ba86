import { describe, expect, it } from 'vitest';
import { dateRangeTag } from '../../../src/formats/m3u8/date-range.ts';

describe('dateRangeTag', () => {
  it('writes every attribute as its type wants it', () => {
    const tag = dateRangeTag({
      id: 'splice-7',
      className: 'com.example.ad',
      startDate: '2026-01-01T00:00:08.000Z',
      cue: ['PRE', 'ONCE'],
      endDate: '2026-01-01T00:00:38.500Z',
      durationSeconds: 30.5,
      plannedDurationSeconds: 30,
      scte35Cmd: Uint8Array.of(0xfc, 0),
      scte35Out: Uint8Array.of(0xfc, 1),
      scte35In: Uint8Array.of(0xfc, 0xab),
      extensions: { 'X-COM-EXAMPLE-ID': 'a"b\r\nc', 'X-OFFSET': -1.25, 'X-BYTES': Uint8Array.of(0x0f) },
    });
    expect(tag).toBe(
      '#EXT-X-DATERANGE:ID="splice-7",CLASS="com.example.ad",START-DATE="2026-01-01T00:00:08.000Z",CUE="PRE,ONCE",' +
        'END-DATE="2026-01-01T00:00:38.500Z",DURATION=30.5,PLANNED-DURATION=30,X-COM-EXAMPLE-ID="abc",' +
        'X-OFFSET=-1.25,X-BYTES=0x0F,SCTE35-CMD=0xFC00,SCTE35-OUT=0xFC01,SCTE35-IN=0xFCAB',
    );
  });

  it('writes END-ON-NEXT, and a duration of nothing', () => {
    const startDate = '2026-01-01T00:00:08.000Z';
    expect(dateRangeTag({ id: 'a', className: 'c', startDate, endOnNext: true })).toBe(
      `#EXT-X-DATERANGE:ID="a",CLASS="c",START-DATE="${startDate}",END-ON-NEXT=YES`,
    );
    expect(dateRangeTag({ id: 'a', startDate, durationSeconds: 0, endOnNext: false })).toBe(
      `#EXT-X-DATERANGE:ID="a",START-DATE="${startDate}",DURATION=0`,
    );
  });
});
