import { describe, expect, it } from 'vitest';
import type { MmdbValue } from '../../../src/formats/mmdb/mmdb-value.ts';
import { countryOfRecord } from '../../../src/policy/geo/country.ts';
import { isServed } from '../../../src/policy/geo/geo-rule.ts';

const record = (fields: Record<string, MmdbValue>): MmdbValue => new Map(Object.entries(fields));

describe('countryOfRecord', () => {
  it.each([
    ['MaxMind', record({ country: record({ iso_code: 'DE', geoname_id: 2_921_044 }) }), 'DE'],
    ['ip-location-db', record({ country_code: 'FR' }), 'FR'],
    ['IPinfo', record({ country: 'Spain', country_code: 'ES' }), 'ES'],
    ['IPinfo of old', record({ country: 'es' }), 'ES'],
    ['who signed a paper elsewhere', record({ registered_country: record({ iso_code: 'US' }) }), undefined],
    ['somebody who does not know', record({ country_code: 'ZZ' }), undefined],
    ['something else', record({ country: 'Spain', country_code: 7 }), undefined],
    ['no map', 'DE', undefined],
    ['nothing', undefined, undefined],
  ])('reads the record of %s', (_who, value, country) => {
    expect(countryOfRecord(value)).toBe(country);
  });
});

describe('isServed', () => {
  const countries = new Set(['DE', 'FR']);
  it.each([
    ['allow', 'DE', true],
    ['allow', 'US', false],
    ['allow', undefined, true],
    ['block', 'DE', false],
    ['block', 'US', true],
    ['block', undefined, true],
  ] as const)('with %s of two and a viewer from %s says %s', (kind, country, served) => {
    expect(isServed({ kind, countries }, country)).toBe(served);
  });
});
