import { mmdbField, type MmdbValue } from '../../formats/mmdb/mmdb-value.ts';

/** Two capital letters (ISO 3166-1 alpha-2). */
export const countryCode = /^[A-Z]{2}$/;

/**
 * The country in a record of a database, as its makers write it: `country.iso_code` (MaxMind, DB-IP), `country_code` (the
 * databases of ip-location-db, IPinfo) or `country`. `undefined` where it has none: `registered_country` is where somebody
 * signed a paper.
 */
export function countryOfRecord(record: MmdbValue): string | undefined {
  const country = mmdbField(record, 'country');
  const named = mmdbField(country, 'iso_code') ?? mmdbField(record, 'country_code') ?? country;
  if (typeof named !== 'string') return undefined;
  const code = named.toUpperCase();
  // ZZ: makers say so where they do not know.
  return countryCode.test(code) && code !== 'ZZ' ? code : undefined;
}
