import { describe, expect, it } from 'vitest';
import { amf0Object, propertiesOf } from '../../src/formats/amf0/value.ts';
import { readVia, refusedVia, viaProperty } from '../../src/rtmp/relay-via.ts';

const readBack = (value: unknown) =>
  readVia(propertiesOf(amf0Object({ streamfrontVia: value as string })) ?? new Map());

describe('readVia', () => {
  it('reads what viaProperty writes', () => {
    const properties = propertiesOf(amf0Object(viaProperty(['edge-1', 'edge-2'])));
    expect(readVia(properties ?? new Map())).toEqual(['edge-1', 'edge-2']);
  });

  it.each([[''], [7], [undefined], ['<script>'], [',,,']])('reads nothing from %j', (value) => {
    expect(readBack(value)).toEqual([]);
  });

  it('reads no more than tells that it is too long', () => {
    expect(readBack(Array.from({ length: 500 }, (_, id) => `e${id}`).join(','))).toHaveLength(9);
  });
});

describe('refusedVia', () => {
  it('refuses whoever has come through this server, and chains that are too long', () => {
    expect(refusedVia(['edge-1'], 'edge-2')).toBeUndefined();
    expect(refusedVia(['edge-1', 'edge-2'], 'edge-1')?.code).toBe('RELAY_LOOP');
    expect(
      refusedVia(
        Array.from({ length: 7 }, (_, id) => `e${id}`),
        'edge-1',
      ),
    ).toBeUndefined();
    expect(
      refusedVia(
        Array.from({ length: 8 }, (_, id) => `e${id}`),
        'edge-1',
      )?.code,
    ).toBe('RELAY_TOO_MANY_HOPS');
  });
});
