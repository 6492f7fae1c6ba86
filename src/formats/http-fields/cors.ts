/** Fields that let pages of any site read an answer, and its timing (Fetch Standard §3.2.3, Resource Timing §4.5). */
export const anySiteFields = [
  ['Access-Control-Allow-Origin', '*'],
  ['Timing-Allow-Origin', '*'],
] as const;

/** What a preflight is told besides (Fetch Standard §3.2.3): everything may be asked, and need not be asked again today. */
export const preflightFields = [
  ['Access-Control-Allow-Methods', 'GET, HEAD, OPTIONS'],
  ['Access-Control-Allow-Headers', '*'],
  ['Access-Control-Max-Age', '86400'],
] as const;
