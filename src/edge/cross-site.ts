import type { FieldLines } from '../formats/http-fields/field-lines.ts';

/** What an answer says to browsers about pages of other sites. For the same words it is the same object. */
export interface CrossSite {
  readonly fields: FieldLines;
}

/** Whose pages may read the answers of a behaviour. */
export interface CrossSiteRule {
  /** The edge says it, in place of the origin. */
  readonly isSaid: boolean;
  /** `origin`: the field that names the site of the page that asks. */
  of(origin: string | undefined): CrossSite;
}

/** Nothing is said. */
export const unsaid: CrossSite = { fields: [] };

/** Without these in `Access-Control-Expose-Headers`, hls.js cannot tell how old a cached live playlist is. */
const exposedFields =
  'Age, Date, X-Cache, X-Edge-Location, Content-Length, Content-Range, ETag, Cache-Status, X-Request-Id, Via';

const everybody = ['Access-Control-Allow-Origin', '*', ...exposed('*')];

/**
 * `credentialSites`: their pages may send cookies with what they ask, for which browsers want to see the site named (Fetch
 * Standard §3.2.5). All others get what everybody gets.
 */
export function crossSiteRule(cors: boolean, credentialSites: readonly string[]): CrossSiteRule {
  if (!cors) return { isSaid: false, of: () => unsaid };
  if (credentialSites.length === 0) {
    const said = { fields: everybody };
    return { isSaid: true, of: () => said };
  }
  // What a browser keeps for one site would not do for another.
  const others = { fields: [...everybody, 'Vary', 'Origin'] };
  const named = new Map(credentialSites.map((site) => [site, { fields: [...namedSite(site), 'Vary', 'Origin'] }]));
  return { isSaid: true, of: (origin) => (origin === undefined ? others : (named.get(origin) ?? others)) };
}

function namedSite(site: string): FieldLines {
  return ['Access-Control-Allow-Origin', site, 'Access-Control-Allow-Credentials', 'true', ...exposed(site)];
}

function exposed(site: string): FieldLines {
  return ['Access-Control-Expose-Headers', exposedFields, 'Timing-Allow-Origin', site];
}
