import type { PlayRefused } from '../../live/play-gate.ts';
import { type GeoRule, isServed } from '../../policy/geo/geo-rule.ts';
import type { PlainAnswer } from '../error-page.ts';
import type { Countries } from './country-database.ts';
import type { GeoSettings } from './geo-settings.ts';

/** Which viewers are served, as far as it is a matter of where they are. */
export interface ServedCountries {
  has(address: string | undefined): boolean;
}

/** `undefined`: all are. */
export function servedCountries(settings: GeoSettings, countries: Countries | undefined): ServedCountries | undefined {
  if (settings === undefined || countries === undefined) return undefined;
  const { allow, block = [] } = settings;
  const rule: GeoRule =
    allow === undefined ? { kind: 'block', countries: new Set(block) } : { kind: 'allow', countries: new Set(allow) };
  return { has: (address) => isServed(rule, countries.of(address)) };
}

/** What a viewer over HTTP is told. */
export const countryRefusal: PlainAnswer = {
  status: 403,
  title: 'Not available in your country',
  sentence: 'This content is not available in the country that you are in.',
  code: 'COUNTRY_NOT_SERVED',
};

/** And a player. */
export const countryPlayRefusal: PlayRefused = {
  kind: 'refused',
  statusCode: 'NetStream.Play.Unauthorized',
  code: 'PLAY_COUNTRY_NOT_SERVED',
  sentence: 'this is not available in the country that you are in',
};
