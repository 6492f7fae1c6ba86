import type { FieldLines } from '../../formats/http-fields/field-lines.ts';
import type { Countries } from './country-database.ts';

const names = new Intl.DisplayNames(['en'], { type: 'region', fallback: 'none' });

/** What the origin is told of the country of a viewer. */
export interface ViewerCountry {
  /** Names, in lower case, that tell answers apart. */
  readonly keyed: readonly string[];
  /** Nothing where it is not known. */
  fieldsFor(address: string | undefined): FieldLines;
}

/** `undefined`: nothing. */
export function viewerCountry(
  setting: 'none' | 'origin' | 'key',
  countries: Countries | undefined,
): ViewerCountry | undefined {
  if (setting === 'none' || countries === undefined) return undefined;
  return {
    // The name says nothing more.
    keyed: setting === 'key' ? ['cloudfront-viewer-country'] : [],
    fieldsFor: (address) => {
      const country = countries.of(address);
      if (country === undefined) return [];
      const name = names.of(country);
      const named = name === undefined ? [] : ['CloudFront-Viewer-Country-Name', asciiText(name)];
      return ['CloudFront-Viewer-Country', country, ...named];
    },
  };
}

/** Such as `Cote d'Ivoire`: fields hold ASCII. */
function asciiText(text: string): string {
  return text
    .normalize('NFD')
    .replaceAll(/[\u2018\u2019]/g, "'")
    .replaceAll(/[^ -~]/g, '');
}
