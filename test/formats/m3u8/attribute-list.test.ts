import { describe, expect, it } from 'vitest';
import {
  attributeTag,
  decimalFloatingPoint,
  decimalInteger,
  decimalResolution,
  enumeratedString,
  quotedString,
} from '../../../src/formats/m3u8/attribute-list.ts';

describe('attributeTag', () => {
  it('writes values as their types want it, and leaves out what has none', () => {
    const attributes = {
      TYPE: enumeratedString('PART'),
      URI: quotedString('a.m4s'),
      NAME: undefined,
      BANDWIDTH: decimalInteger(1_234.6),
      DURATION: decimalFloatingPoint(0.3333333),
      RESOLUTION: decimalResolution(1280, 720),
    };
    expect(attributeTag('EXT-X-TEST', attributes)).toBe(
      '#EXT-X-TEST:TYPE=PART,URI="a.m4s",BANDWIDTH=1235,DURATION=0.33333,RESOLUTION=1280x720',
    );
  });

  it('lets nothing out of a quoted string', () => {
    expect(quotedString('a"b\r\n\t\u0000\u0085c')).toBe('"abc"');
  });

  it('writes no digits that say nothing, and no exponent', () => {
    expect(decimalFloatingPoint(0.35)).toBe('0.35');
    expect(decimalFloatingPoint(1.05)).toBe('1.05');
    expect(decimalFloatingPoint(3 * 0.35)).toBe('1.05');
    expect(decimalFloatingPoint(6)).toBe('6');
    expect(decimalFloatingPoint(0.00002)).not.toContain('e');
  });
});
