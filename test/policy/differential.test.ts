import fc from 'fast-check';
import OraclePolicy from 'http-cache-semantics';
import { describe, expect, it } from 'vitest';
import { judgeResponse } from '../../src/edge/judge-response.ts';
import { formatHttpDate } from '../../src/formats/http-fields/http-date.ts';
import { parseRequestCacheControl } from '../../src/formats/http-fields/request-cache-control.ts';
import { freshness } from '../../src/policy/freshness.ts';
import { storedUse } from '../../src/policy/request-directives.ts';
import { variantKey } from '../../src/policy/variants.ts';
import { arrivalMonotonicMs, arrivalWallMs, standards } from './judged.ts';

/*
 * The standards policy against `http-cache-semantics`: may this stored response answer this request, without the origin,
 * so much later? Where the two differ, a row of `differences` says why, and rewrites the case into one that the oracle
 * reads as the RFC means it. With all rows applied the two must agree; without any one of them they must not.
 */

interface Case {
  readonly status: number;
  /** Texts of Cache-Control as sent, each with what it means in the oracle's own spelling (`''`: nothing). */
  readonly directives: readonly (readonly [text: string, means: string])[];
  readonly age: string | undefined;
  /** Seconds relative to the arrival. */
  readonly dateS: number | undefined;
  readonly expires: { readonly text: string; readonly valid: boolean } | undefined;
  readonly lastModified: boolean;
  readonly vary: string | undefined;
  readonly setCookie: boolean;
  readonly responsePragma: boolean;
  readonly first: AskedFor;
  readonly second: AskedFor;
  readonly laterS: number;
}

interface AskedFor {
  readonly cacheControl: string | undefined;
  readonly pragma: boolean;
  readonly authorization: boolean;
  readonly foo: string | undefined;
}

const directives: (readonly [string, string])[] = [
  ['max-age=0', 'max-age=0'],
  ['max-age=30', 'max-age=30'],
  ['max-age=90', 'max-age=90'],
  ['Max-Age=90', 'max-age=90'],
  ['max-age="90"', 'max-age=90'],
  ['max-age=1h', 'max-age=0'],
  ['max-age=-90', 'max-age=0'],
  ['x="a, max-age=90"', ''],
  ['s-maxage=60', 's-maxage=60'],
  ['public', 'public'],
  ['private', 'private'],
  ['NO-STORE', 'no-store'],
  ['no-store', 'no-store'],
  ['no-cache', 'no-cache'],
  ['no-cache="x-f"', ''],
  ['private="x-f"', ''],
  ['must-revalidate', 'must-revalidate'],
  ['proxy-revalidate', 'proxy-revalidate'],
  ['must-understand', 'must-understand'],
  ['immutable', 'immutable'],
  ['stale-while-revalidate=30', 'stale-while-revalidate=30'],
];

const perhaps = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: 2, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: value });

const askedFor: fc.Arbitrary<AskedFor> = fc.record({
  cacheControl: perhaps(
    fc.constantFrom(
      'no-cache',
      'max-age=20',
      'max-age=0',
      'min-fresh=20',
      'max-stale',
      'max-stale=10',
      'no-store',
      'x',
    ),
  ),
  pragma: fc.integer({ min: 0, max: 9 }).map((roll) => roll === 0),
  authorization: fc.integer({ min: 0, max: 9 }).map((roll) => roll === 0),
  foo: fc.constantFrom(undefined, undefined, '', '1', '1,2', '1, 2'),
});

const cases: fc.Arbitrary<Case> = fc.record({
  status: fc.constantFrom(200, 200, 200, 203, 204, 301, 302, 404, 410, 299, 403, 500, 503, 599),
  directives: fc.uniqueArray(fc.constantFrom(...directives, ...directives.slice(1, 5), ...directives.slice(2, 5)), {
    maxLength: 3,
    // What contradicts itself is for tests of its own: the oracle lets the last one count.
    selector: ([text]) => text.toLowerCase().split('=')[0],
  }),
  age: perhaps(fc.constantFrom('0', '25', '25.5', '-25', 'x')),
  dateS: fc.constantFrom(undefined, 0, 0, -40, 20),
  expires: perhaps(
    fc.constantFrom<NonNullable<Case['expires']>>(
      { text: formatHttpDate(arrivalWallMs + 60_000), valid: true },
      { text: formatHttpDate(arrivalWallMs - 60_000), valid: true },
      { text: '0', valid: false },
      { text: '2099-01-01T00:00:00Z', valid: false },
    ),
  ),
  lastModified: fc.boolean(),
  vary: fc.constantFrom(...Array<undefined>(8).fill(undefined), 'Foo', 'Foo', '*', 'foo, *'),
  setCookie: fc.integer({ min: 0, max: 9 }).map((roll) => roll === 0),
  responsePragma: fc.integer({ min: 0, max: 9 }).map((roll) => roll === 0),
  first: askedFor,
  second: askedFor,
  laterS: fc.constantFrom(0, 1, 10, 20, 29, 30, 31, 40, 59, 60, 65, 70, 89, 90, 95, 100, 101, 119, 125, 10_000),
});

const lastModifiedText = formatHttpDate(arrivalWallMs - 1_000_000);

function responseFields(example: Case, cacheControl: string): [string, string][] {
  const fields: [string, string | undefined][] = [
    ['cache-control', cacheControl === '' ? undefined : cacheControl],
    ['age', example.age],
    ['date', example.dateS === undefined ? undefined : formatHttpDate(arrivalWallMs + example.dateS * 1_000)],
    ['expires', example.expires?.text],
    ['last-modified', example.lastModified ? lastModifiedText : undefined],
    ['vary', example.vary],
    ['set-cookie', example.setCookie ? 'a=b' : undefined],
    ['pragma', example.responsePragma ? 'no-cache' : undefined],
  ];
  return fields.filter((field): field is [string, string] => field[1] !== undefined);
}

function requestFields(asked: AskedFor): [string, string][] {
  const fields: [string, string | undefined][] = [
    ['cache-control', asked.cacheControl],
    ['pragma', asked.pragma ? 'no-cache' : undefined],
    ['authorization', asked.authorization ? 'Basic eDp5' : undefined],
    ['foo', asked.foo],
  ];
  return fields.filter((field): field is [string, string] => field[1] !== undefined);
}

function oursAnswers(example: Case): boolean {
  const { first, second } = example;
  const cacheControl = example.directives.map(([text]) => text).join(', ');
  const asked = {
    requestFields: requestFields(first).flat(),
    keyed: [],
    policy: standards,
    tagField: undefined,
    surrogateControl: false,
    disk: true,
  };
  const fields = responseFields(example, cacheControl).filter(([name]) => name !== 'age');
  const { head, rule } = judgeResponse(
    example.status,
    fields.flat(),
    example.age === undefined ? [] : [example.age],
    asked,
    {
      requestedMonotonicMs: arrivalMonotonicMs,
      receivedMonotonicMs: arrivalMonotonicMs,
      receivedWallMs: arrivalWallMs,
      sequence: 0,
      former: undefined,
    },
  );
  const wants = (of: AskedFor) => parseRequestCacheControl(of.cacheControl, of.pragma ? 'no-cache' : undefined);
  const stored = (rule.kind === 'store' || rule.kind === 'store-unshared') && !wants(first).noStore;
  if (!stored || variantKey(head.selecting, requestFields(second).flat()) !== head.variantKey) return false;
  const state = freshness(head.facts, arrivalMonotonicMs + example.laterS * 1_000);
  const use = storedUse(state, head.facts, wants(second));
  return use === 'as-it-is' || (use === 'stale' && state.kind === 'stale' && state.mayServeWhileRevalidating);
}

class OracleAt extends OraclePolicy {
  static laterS = 0;
  now(): number {
    return arrivalWallMs + OracleAt.laterS * 1_000;
  }
}

function oracleAnswers(example: Case, spelling: 'as-sent' | 'as-meant'): boolean {
  const texts = example.directives.map(([text, means]) => (spelling === 'as-sent' ? text : means));
  const headers = Object.fromEntries(responseFields(example, texts.filter((text) => text !== '').join(', ')));
  const request = (asked: AskedFor) => ({ url: '/', method: 'GET', headers: Object.fromEntries(requestFields(asked)) });
  OracleAt.laterS = 0;
  const policy = new OracleAt(request(example.first), { status: example.status, headers }, { shared: true });
  OracleAt.laterS = example.laterS;
  return policy.storable() && policy.evaluateRequest(request(example.second)).response !== undefined;
}

interface Difference {
  readonly what: string;
  readonly rewrite: (example: Case) => Case;
}

const means = (example: Case, name: string): boolean =>
  example.directives.some(([, meant]) => meant.split('=')[0] === name);
const without = (example: Case, ...names: string[]): Case => ({
  ...example,
  directives: example.directives.filter(([, meant]) => !names.includes(meant.split('=')[0] ?? '')),
});
const withDirective = (example: Case, directive: string): Case => ({
  ...example,
  directives: [...example.directives, [directive, directive]],
});
const withoutStale = (example: Case): Case => {
  const { second } = example;
  const asksForStale = second.cacheControl?.startsWith('max-stale') === true;
  return without(
    asksForStale ? { ...example, second: { ...second, cacheControl: 'x' } } : example,
    'stale-while-revalidate',
  );
};

/** In the order in which they are applied. */
const differences: readonly Difference[] = [
  {
    what: 'RFC 9111 §5.4: Pragma of a response says nothing; the oracle takes it for no-cache',
    rewrite: (example) => ({ ...example, responsePragma: false }),
  },
  {
    what: 'RFC 9111 §5.4: Pragma of a request counts only without Cache-Control; for the oracle always',
    rewrite: (example) => ({
      ...example,
      second: { ...example.second, pragma: example.second.pragma && example.second.cacheControl === undefined },
    }),
  },
  {
    what: 'RFC 9111 §5.1: an Age that is no number is ignored; the oracle reads what it begins with, a minus too',
    rewrite: (example) => ({ ...example, age: /^\d+$/.test(example.age ?? '') ? example.age : undefined }),
  },
  {
    what: 'RFC 9111 §4.2.3: the apparent age, by Date, counts; the oracle reads Age only',
    rewrite: (example) => {
      const apparentS = Math.max(0, -(example.dateS ?? 0));
      return { ...example, age: String(Math.max(apparentS, Number(example.age ?? 0))) };
    },
  },
  {
    what: 'RFC 9111 §5.3: Expires that is no HTTP-date has expired; the oracle takes whatever Date.parse takes',
    rewrite: (example) =>
      example.expires?.valid === false ? { ...example, expires: { text: '0', valid: false } } : example,
  },
  {
    what: 'RFC 9111 §7.3: Set-Cookie is kept private here whatever else is said; the oracle shares it with public',
    rewrite: (example) => (example.setCookie ? withDirective(example, 'private') : example),
  },
  {
    what: 'RFC 9111 §5.2.2.3: must-understand, which the oracle does not know',
    rewrite: (example) => {
      if (!means(example, 'must-understand')) return example;
      const understood = ![299, 599].includes(example.status);
      return understood ? without(example, 'no-store') : withDirective(example, 'no-store');
    },
  },
  {
    what: 'RFC 9111 §3: any final status may be stored when that is explicit; the oracle has a list',
    // 302 is on the list, and like these not cacheable by default.
    rewrite: (example) => ([299, 403, 500, 503, 599].includes(example.status) ? { ...example, status: 302 } : example),
  },
  {
    what: 'RFC 8246: immutable says nothing of time; the oracle gives it a day',
    rewrite: (example) => without(example, 'immutable'),
  },
  {
    what: 'RFC 9111 §4.2.4: no-cache and s-maxage forbid stale answers; the oracle gives them to max-stale and stale-while-revalidate',
    rewrite: (example) => (means(example, 'no-cache') || means(example, 's-maxage') ? withoutStale(example) : example),
  },
  {
    what: 'RFC 9111 §5.2.2.2, §5.2.2.8: must-revalidate and proxy-revalidate forbid stale answers; the oracle gives no fresh ones either',
    rewrite: (example) => {
      if (!means(example, 'must-revalidate') && !means(example, 'proxy-revalidate')) return example;
      const { first } = example;
      // §3.5: must-revalidate lets answers to authorized requests be shared.
      const shared = means(example, 'must-revalidate')
        ? { ...example, first: { ...first, authorization: false } }
        : example;
      return without(withoutStale(shared), 'must-revalidate', 'proxy-revalidate');
    },
  },
  {
    what: 'RFC 9111 §5.2.1.1: max-age=0 asks for a new answer; the oracle gives one that came in the same instant',
    rewrite: (example) =>
      example.second.cacheControl === 'max-age=0'
        ? { ...example, second: { ...example.second, cacheControl: 'no-cache' } }
        : example,
  },
  {
    what: 'RFC 9111 §5.2.1.2: max-stale=N means no more than N; for the oracle less than N',
    rewrite: (example) =>
      example.second.cacheControl === 'max-stale=10'
        ? { ...example, second: { ...example.second, cacheControl: 'max-stale=10.5' } }
        : example,
  },
  {
    what: 'RFC 9111 §4.1: white space in a list does not make a variant; for the oracle it does',
    rewrite: (example) => {
      const normal = (asked: AskedFor): AskedFor => ({ ...asked, foo: asked.foo?.replace('1,2', '1, 2') });
      return { ...example, first: normal(example.first), second: normal(example.second) };
    },
  },
];

/** The oracle's answer to what the case means, with all rows but one. */
function oracleReads(example: Case, leaveOut?: Difference): boolean {
  const rewritten = differences.filter((row) => row !== leaveOut).reduce((so, { rewrite }) => rewrite(so), example);
  return oracleAnswers(rewritten, 'as-meant');
}

const samples = fc.sample(cases, { numRuns: 30_000, seed: 9_111 });

describe('the standards policy and http-cache-semantics', () => {
  it('agree on every case, as far as the differences are told', () => {
    const unexplained = samples.filter((example) => oursAnswers(example) !== oracleReads(example));
    expect(unexplained.slice(0, 3)).toEqual([]);
  });

  it('the cases are worth it: both answers are common', () => {
    const answered = samples.filter(oursAnswers).length;
    expect(answered).toBeGreaterThan(3_000);
    expect(answered).toBeLessThan(27_000);
  });

  it.each(differences)('$what: they do differ so', (row) => {
    expect(samples.some((example) => oursAnswers(example) !== oracleReads(example, row))).toBe(true);
  });

  it('RFC 9111 §5.2: names in any case, quotes, commas in quotes, qualified forms, what is no number: they do differ so', () => {
    const differs = samples.filter(
      (example) =>
        oursAnswers(example) !==
        oracleAnswers(
          differences.reduce((so, { rewrite }) => rewrite(so), example),
          'as-sent',
        ),
    );
    const texts = new Set(differs.flatMap((example) => example.directives.map(([text]) => text)));
    for (const text of [
      'Max-Age=90',
      'max-age=1h',
      'x="a, max-age=90"',
      'NO-STORE',
      'no-cache="x-f"',
      'private="x-f"',
    ]) {
      expect(texts).toContain(text);
    }
  });
});
