import { checkCountryDatabase } from '../edge/geo/country-database.ts';
import { asksForCountries, type GeoSettings } from '../edge/geo/geo-settings.ts';
import type { EdgeSettings } from '../edge/settings.ts';

/** What `streamfront check` says of proxies and countries. Throws a `ConfigError` when the country database cannot be used. */
export async function viewerLines(edge: EdgeSettings): Promise<string[]> {
  const { proxyProtocol, trustedProxies } = edge;
  const lines: string[] = [];
  if (trustedProxies.length > 0) {
    const protocol = proxyProtocol.length === 0 ? '' : `, with the PROXY protocol for ${proxyProtocol.join(', ')}`;
    lines.push(`proxies at ${trustedProxies.join(', ')} say who the viewer is${protocol}`);
  }
  if (asksForCountries(edge)) {
    const { file, databaseType } = await checkCountryDatabase(edge.countryDatabase);
    lines.push(`countries by ${file} (${databaseType})`);
  }
  return lines.map((line) => `           ${line}`);
}

/** For whom, or nothing. */
export function describeGeo(geo: GeoSettings): string {
  if (geo === undefined) return '';
  const { allow, block = [] } = geo;
  if (allow !== undefined) return `, only in ${allow.join(', ')}`;
  return block.length === 0 ? ', in all countries' : `, not in ${block.join(', ')}`;
}
