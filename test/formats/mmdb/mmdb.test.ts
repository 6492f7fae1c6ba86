import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProtocolError } from '../../../src/base/errors.ts';
import { parseIpAddress } from '../../../src/base/ip-address.ts';
import { Mmdb } from '../../../src/formats/mmdb/mmdb.ts';
import { type MmdbValue, readMmdbValue } from '../../../src/formats/mmdb/mmdb-value.ts';
import { countryMmdb, encodeValue, writeMmdb, type WrittenValue } from '../../support/mmdb-writer.ts';

const networks = {
  '0.0.0.0/0': { country_code: 'ZZ' },
  '192.0.2.0/24': { country_code: 'DE' },
  '192.0.2.128/25': { country_code: 'FR' },
  '192.0.2.129/32': { country_code: 'IT' },
  '2001:db8::/32': { country_code: 'ES' },
  '2001:db8:1::/48': { country_code: 'PT' },
};

function codeOf(database: Mmdb, address: string): MmdbValue {
  const found = database.find(parseIpAddress(address) ?? new Uint8Array());
  const value = found === undefined ? undefined : database.value(found);
  return typeof value === 'object' && 'get' in value ? value.get('country_code') : undefined;
}

describe('Mmdb', () => {
  it.each([24, 28, 32] as const)('finds the narrowest network of an address, with records of %d bits', (recordBits) => {
    const database = new Mmdb(writeMmdb(networks, { recordBits }));
    const codes = [
      '192.0.2.1',
      '192.0.2.128',
      '::ffff:192.0.2.129',
      '2001:db8::1',
      '2001:db8:1::1',
      '8.8.8.8',
      '3fff::1',
    ];
    expect(codes.map((address) => codeOf(database, address))).toEqual(['DE', 'FR', 'IT', 'ES', 'PT', 'ZZ', undefined]);
    expect(database.dataOffsets(0, database.metadata.nodeCount).size).toBe(6);
    expect(database.metadata).toMatchObject({ databaseType: 'Test-Country', recordBits, ipVersion: 6 });
  });

  it('of IPv4 alone knows nothing of IPv6', () => {
    const database = new Mmdb(countryMmdb({ '192.0.2.0/24': 'DE' }, { ipVersion: 4 }));
    expect(['192.0.2.9', '192.0.3.1', '2001:db8::1'].map((address) => codeOf(database, address))).toEqual([
      'DE',
      undefined,
      undefined,
    ]);
  });

  it('finds where the tree ends above all of IPv4', () => {
    const database = new Mmdb(countryMmdb({ '::/8': 'NL' }));
    expect([codeOf(database, '192.0.2.1'), codeOf(database, '::1'), codeOf(database, '2001::')]).toEqual([
      'NL',
      'NL',
      undefined,
    ]);
  });

  const whole = writeMmdb(networks);

  it('is none where the file was cut off anywhere, or is something else', () => {
    for (let length = 0; length < whole.length; length++) {
      expect(() => new Mmdb(whole.subarray(0, length))).toThrow(ProtocolError);
    }
    expect(() => new Mmdb(Buffer.from('PK\x03\x04 a zip'))).toThrow('MMDB_BROKEN');
  });

  it('with any byte changed is refused or read, and fails in no other way', () => {
    fc.assert(
      fc.property(fc.nat({ max: whole.length - 1 }), fc.nat({ max: 255 }), fc.ipV4(), fc.ipV6(), (at, byte, v4, v6) => {
        const bytes = Buffer.from(whole);
        bytes[at] = byte;
        try {
          const database = new Mmdb(bytes);
          database.dataOffsets(0, database.metadata.nodeCount);
          codeOf(database, v4);
          codeOf(database, v6);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('readMmdbValue', () => {
  const value: fc.Arbitrary<WrittenValue> = fc.letrec<{ value: WrittenValue }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.string({ unit: 'binary', maxLength: 400 }),
      fc.nat({ max: 0xffffffff }),
      fc.boolean(),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(fc.string({ minLength: 1, maxLength: 5 }), tie('value'), { maxKeys: 4, noNullPrototype: true }),
    ),
  })).value;
  const asRead = (written: WrittenValue): unknown => {
    if (Array.isArray(written)) return written.map(asRead);
    return typeof written === 'object'
      ? new Map(Object.entries(written).map(([name, field]) => [name, asRead(field)]))
      : written;
  };

  it('reads what was written', () => {
    fc.assert(
      fc.property(value, (written) => {
        expect(readMmdbValue(encodeValue(written), 0)).toEqual(asRead(written));
      }),
    );
  });

  it.each([
    ['of eleven bits', Buffer.from([0x20, 4, 0, 0, 0x42, 0x44, 0x45]), 0],
    ['beyond 2,048', Buffer.concat([Buffer.from([0x28, 0, 0]), Buffer.alloc(2_045), encodeValue('DE')]), 0],
    ['of four bytes', Buffer.from([0x38, 0, 0, 0, 6, 0, 0x42, 0x44, 0x45]), 0],
  ])('follows a pointer %s', (_what, section, at) => {
    expect(readMmdbValue(section, at)).toBe('DE');
  });

  it.each([
    ['a pointer to itself', Buffer.from([0x20, 0])],
    ['a pointer beyond the data', Buffer.from([0x20, 9])],
    ['maps in maps without end', Buffer.from([0xe1, 0x41, 0x61, 0x20, 0])],
    ['a map of more fields than there are bytes', Buffer.from([0xff, 0xff, 0xff, 0xff])],
    ['a key that is no text', Buffer.from([0xe1, 0xc1, 1, 0xc1, 1])],
    ['a type that there is not', Buffer.from([0x00, 0xff])],
    ['a text without end', Buffer.from([0x5d, 200, 0x41])],
    ['nothing', Buffer.alloc(0)],
  ])('refuses %s', (_what, section) => {
    expect(() => readMmdbValue(section, 0)).toThrow('MMDB_DATA_BROKEN');
  });

  it('reads no more than a record has, however many pointers lead to the same', () => {
    // Each list names the one before sixteen times: 16^5 values.
    const lists = [encodeValue('x')];
    let at = lists[0]?.length ?? 0;
    let last = 0;
    for (let level = 0; level < 5; level++) {
      const list = Buffer.concat([
        Buffer.from([16, 4]),
        ...Array.from({ length: 16 }, () => Buffer.from([0x20 | (last >> 8), last & 0xff])),
      ]);
      lists.push(list);
      last = at;
      at += list.length;
    }
    expect(() => readMmdbValue(Buffer.concat(lists), last)).toThrow('more values than a record has');
  });
});
