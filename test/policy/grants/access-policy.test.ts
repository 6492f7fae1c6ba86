import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cannedPolicyText, parseAccessPolicy, refusedByConditions } from '../../../src/policy/grants/access-policy.ts';

const before = '"DateLessThan":{"AWS:EpochTime":100}';
const statement = (content: string): string => `{"Statement":[{${content}}]}`;

describe('parseAccessPolicy', () => {
  it.each([
    ['a resource', statement(`"Resource":"http://a/*","Condition":{${before}}`)],
    ['no resource', statement(`"Condition":{${before}}`)],
    ['white space', ` {\n"Statement" : [ { "Resource" : "a:\\"b\\":" , "Condition":{ ${before} } } ] }\n`],
    [
      'all conditions',
      statement(
        `"Condition":{${before},"DateGreaterThan":{"AWS:EpochTime":50},"IpAddress":{"AWS:SourceIp":"192.0.2.0/24"}}`,
      ),
    ],
  ])('takes a policy with %s', (_what, text) => {
    expect(parseAccessPolicy(text)).toMatchObject({ expiresSeconds: 100 });
  });

  it.each([
    ['nothing', ''],
    ['no JSON', '{'],
    ['null', 'null'],
    ['an array', '[]'],
    ['no statement', '{"Statement":[]}'],
    ['two statements', `{"Statement":[{"Condition":{${before}}},{"Condition":{${before}}}]}`],
    ['no condition', statement('"Resource":"*"')],
    ['no end', statement('"Condition":{}')],
    ['a date as text', statement('"Condition":{"DateLessThan":{"AWS:EpochTime":"100"}}')],
    ['a broken date', statement('"Condition":{"DateLessThan":{"AWS:EpochTime":1.5}}')],
    ['a negative date', statement('"Condition":{"DateLessThan":{"AWS:EpochTime":-1}}')],
    ['a date past all numbers', statement('"Condition":{"DateLessThan":{"AWS:EpochTime":1e999}}')],
    ['a date too exact for a number', statement('"Condition":{"DateLessThan":{"AWS:EpochTime":90071992547409930}}')],
    ['a begin that is null', statement(`"Condition":{${before},"DateGreaterThan":null}`)],
    ['an unknown condition', statement(`"Condition":{${before},"StringEquals":{"a":"b"}}`)],
    ['an unknown member', statement(`"Effect":"Allow","Condition":{${before}}`)],
    ['a resource that is a list', statement(`"Resource":["*"],"Condition":{${before}}`)],
    ['a resource that is null', statement(`"Resource":null,"Condition":{${before}}`)],
    ['an empty resource', statement(`"Resource":"","Condition":{${before}}`)],
    ['two resources', statement(`"Resource":"http://a/","Resource":"*","Condition":{${before}}`)],
    ['two ends', statement(`"Condition":{"DateLessThan":{"AWS:EpochTime":1},${before}}`)],
    ['a name twice by an escape', statement(`"Resource":"a","R\\u0065source":"*","Condition":{${before}}`)],
    ['an address of IPv6', statement(`"Condition":{${before},"IpAddress":{"AWS:SourceIp":"2001:db8::/32"}}`)],
    ['an address past its range', statement(`"Condition":{${before},"IpAddress":{"AWS:SourceIp":"192.0.2.256"}}`)],
    ['a prefix that is too long', statement(`"Condition":{${before},"IpAddress":{"AWS:SourceIp":"192.0.2.0/33"}}`)],
    ['a prototype', `{"__proto__":1,"Statement":[{"Condition":{${before}}}]}`],
    ['what nests without end', '['.repeat(8_000)],
    ['more than fits into a URL', statement(`"Resource":"${'a'.repeat(8_192)}","Condition":{${before}}`)],
  ])('refuses %s', (_what, text) => {
    expect(parseAccessPolicy(text)).toBeUndefined();
  });

  it('neither throws nor makes a policy of any other JSON', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
        expect(parseAccessPolicy(text)).toBeUndefined();
        expect(parseAccessPolicy(statement(`"Condition":${text}`))).toBeUndefined();
      }),
    );
  });
});

describe('refusedByConditions', () => {
  const policyOf = (conditions: string) => {
    const policy = parseAccessPolicy(statement(`"Condition":{${before}${conditions}}`));
    if (policy === undefined) throw new TypeError('no policy');
    return policy;
  };

  it('lets in until before the end', () => {
    expect(refusedByConditions(policyOf(''), 99_999, undefined)).toBeUndefined();
    expect(refusedByConditions(policyOf(''), 100_000, undefined)).toBe('expired');
  });

  it('lets in from the begin on', () => {
    const policy = policyOf(',"DateGreaterThan":{"AWS:EpochTime":50}');
    expect(refusedByConditions(policy, 49_999, undefined)).toBe('not-yet');
    expect(refusedByConditions(policy, 50_000, undefined)).toBeUndefined();
  });

  it.each([
    ['192.0.2.0/24', '192.0.2.255', true],
    ['192.0.2.0/24', '192.0.3.0', false],
    ['192.0.2.0/24', '::ffff:192.0.2.1', true],
    ['192.0.2.7', '192.0.2.7', true],
    ['192.0.2.7', '192.0.2.8', false],
    ['192.0.2.7/32', '::FFFF:192.0.2.7', true],
    ['128.0.0.0/1', '255.0.0.1', true],
    ['128.0.0.0/1', '127.0.0.1', false],
    ['0.0.0.0/0', '2001:db8::1', true],
    ['192.0.2.0/24', '2001:db8::c000:201', false],
  ])('of %s holds for %s: %s', (range, address, holds) => {
    const policy = policyOf(`,"IpAddress":{"AWS:SourceIp":"${range}"}`);
    expect(refusedByConditions(policy, 0, address) === undefined).toBe(holds);
  });
});

describe('cannedPolicyText', () => {
  it('is what CloudFront signs, byte for byte', () => {
    expect(cannedPolicyText('http://a.example/x?y=1', '17')).toBe(
      '{"Statement":[{"Resource":"http://a.example/x?y=1","Condition":{"DateLessThan":{"AWS:EpochTime":17}}}]}',
    );
  });

  it('is none of a resource that would end its own text', () => {
    expect(cannedPolicyText('http://a.example/","Condition":{"', '17')).toBeUndefined();
  });
});
