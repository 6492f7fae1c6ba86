import { describe, expect, it } from 'vitest';
import { parseDeliveryDirectives } from '../../src/origin/blocking-reload.ts';

const parsed = (query: string) => parseDeliveryDirectives(new URLSearchParams(query));

describe('parseDeliveryDirectives', () => {
  it.each([
    ['', undefined, undefined],
    ['_HLS_msn=7', { msn: 7, part: undefined }, undefined],
    ['_HLS_msn=007&_HLS_part=0', { msn: 7, part: 0 }, undefined],
    ['_HLS_part=3&_HLS_msn=7&_HLS_skip=YES', { msn: 7, part: 3 }, 'YES'],
    ['_HLS_skip=v2', undefined, 'v2'],
    ['_HLS_msn=18446744073709551615', { msn: 2 ** 64, part: undefined }, undefined],
    ['_HLS_push=1&_hls_msn=x&token=a&token=b', undefined, undefined],
  ])('takes "%s"', (query, awaited, skip) => {
    expect(parsed(query)).toEqual({ kind: 'good', awaited, skip });
  });

  it.each([
    ['_HLS_part=0', 'without _HLS_msn'],
    ['_HLS_part=x', 'without _HLS_msn'],
    ['_HLS_msn=', '_HLS_msn is not'],
    ['_HLS_msn=-1', '_HLS_msn is not'],
    ['_HLS_msn=%2B1', '_HLS_msn is not'],
    ['_HLS_msn=+1', '_HLS_msn is not'],
    ['_HLS_msn=1e3', '_HLS_msn is not'],
    ['_HLS_msn=0x1', '_HLS_msn is not'],
    ['_HLS_msn=1.0', '_HLS_msn is not'],
    ['_HLS_msn=٣', '_HLS_msn is not'],
    ['_HLS_msn=184467440737095516150', '_HLS_msn is not'],
    ['_HLS_msn=1&_HLS_part=', '_HLS_part is not'],
    ['_HLS_msn=1&_HLS_part=Infinity', '_HLS_part is not'],
    ['_HLS_skip=', '_HLS_skip is neither'],
    ['_HLS_skip=NO', '_HLS_skip is neither'],
    ['_HLS_skip=yes', '_HLS_skip is neither'],
    ['_HLS_msn=1&_HLS_msn=1', '_HLS_msn is there more than once'],
    ['_HLS_msn=1&_HLS_part=1&_HLS_part=2', '_HLS_part is there more than once'],
    ['_HLS_skip=YES&_HLS_skip=v2', '_HLS_skip is there more than once'],
  ])('finds "%s" bad', (query, sentence) => {
    const directives = parsed(query);
    expect(directives.kind === 'bad' && directives.sentence).toContain(sentence);
  });
});
