/** Which countries are served: those of a list, or all but those. */
export interface GeoRule {
  readonly kind: 'allow' | 'block';
  readonly countries: ReadonlySet<string>;
}

/** Whether a viewer from a country is served; who is nowhere known (`undefined`) is, as CloudFront has it. */
export function isServed({ kind, countries }: GeoRule, country: string | undefined): boolean {
  return country === undefined || countries.has(country) === (kind === 'allow');
}
