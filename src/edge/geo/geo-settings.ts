import { z } from 'zod';
import { countryCode } from '../../policy/geo/country.ts';

const names = new Intl.DisplayNames(['en'], { type: 'region', fallback: 'none' });

const countryField = z
  .string()
  .meta({ title: 'country' })
  .transform((text, context) => {
    const code = text.toUpperCase();
    const current = countryCode.test(code) ? new Intl.Locale(`und-${code}`).region : undefined;
    if (current === code && names.of(code) !== undefined && code !== 'ZZ') return code;
    const instead = current === undefined || current === code ? '' : `; it is ${current}`;
    const message = `"${text}" is no country: write two letters of ISO 3166-1, such as DE${instead}`;
    context.issues.push({ code: 'custom', message, input: text });
    return z.NEVER;
  });

/** Of a distribution or a behaviour. */
export const geoField = z
  .strictObject({
    allow: z.array(countryField).min(1).max(300).optional().describe('Only viewers from these countries are served'),
    block: z.array(countryField).max(300).optional().describe('Viewers from these countries are not served'),
  })
  .refine(({ allow, block }) => (allow === undefined) !== (block === undefined), {
    error: 'needs one of `allow` and `block`',
  })
  .optional()
  .describe(
    'Which countries are served; others get 403. Who cannot be found in the country database is served. If left out: all',
  );

export type GeoSettings = z.output<typeof geoField>;

/** Of a behaviour. */
export const viewerCountryField = z
  .enum(['none', 'origin', 'key'])
  .default('none')
  .describe(
    'Whether the origin is told the country of a viewer, as `CloudFront-Viewer-Country` and `CloudFront-Viewer-Country-Name`: `origin`: of the one whose request it answers; `key`: and viewers of different countries get answers of their own',
  );

/** The file with the countries of addresses. */
export const countryDatabaseField = z
  .string()
  .min(1)
  .optional()
  .describe(
    'MMDB file that says in which country an address is, read again when it changes; if left out: the one that comes with the packages (optional package `@ip-location-db/geo-whois-asn-country-mmdb`)',
  );

interface Restricted {
  readonly geo?: GeoSettings;
  readonly viewerCountry?: 'none' | 'origin' | 'key';
}

interface Distribution extends Restricted {
  readonly behaviours?: readonly Restricted[];
}

/** Whether anything has to be known about countries. */
export function asksForCountries(edge: {
  readonly distributions: readonly Distribution[];
  readonly streaming: readonly Distribution[];
}): boolean {
  return [...edge.distributions, ...edge.streaming]
    .flatMap((distribution) => [distribution, ...(distribution.behaviours ?? [])])
    .some(({ geo, viewerCountry = 'none' }) => geo !== undefined || viewerCountry !== 'none');
}
