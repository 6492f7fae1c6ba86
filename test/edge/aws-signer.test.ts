import { getSignedCookies, getSignedUrl } from '@aws-sdk/cloudfront-signer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { grantSigner, trusting } from '../support/grant-signer.ts';
import { get, startTestEdge, startTestOrigin, type TestEdge, type TestOrigin } from './test-edge.ts';

const signers = { RSA: grantSigner('rsa', 'KRSA'), ECDSA: grantSigner('ec', 'KEC') };
const site = 'http://a.example';

let origin: TestOrigin;
let edge: TestEdge;

beforeAll(async () => {
  origin = await startTestOrigin((_request, response) => {
    response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end('the body');
  });
  edge = await startTestEdge(
    origin.url,
    { trustedKeyGroups: ['viewers'], query: 'all' },
    trusting({ viewers: Object.values(signers) }),
  );
});

afterAll(async () => {
  await edge.close();
  await origin.stop();
});

const status = async (target: string, fields: Record<string, string> = {}): Promise<number> =>
  (await get(edge.httpPort, target, { host: 'a.example', ...fields })).status;

/** The target of a URL of the site. */
const targetOf = (url: string): string => url.slice(site.length);

const at = (seconds: number): Date => new Date(edge.clock.wallMs() + seconds * 1_000);
const epoch = (seconds: number): number => Math.floor(at(seconds).getTime() / 1_000);

/** How to ask the signer for a grant that ends in so many seconds. */
const policies = {
  'a canned policy': (url: string, seconds: number) => ({ url, dateLessThan: at(seconds) }),
  'a policy with begin and address': (url: string, seconds: number) => ({
    url,
    dateLessThan: at(seconds),
    dateGreaterThan: at(-60),
    ipAddress: '127.0.0.0/8',
  }),
  'a policy of its own': (url: string, seconds: number) => ({
    url,
    policy: JSON.stringify({
      Statement: [{ Resource: `${site}/dir/*`, Condition: { DateLessThan: { 'AWS:EpochTime': epoch(seconds) } } }],
    }),
  }),
};

const cases = Object.entries(signers).flatMap(([kind, signer]) =>
  (['SHA1', 'SHA256', undefined] as const).flatMap((algorithm) =>
    Object.entries(policies).map(([policy, input]) => ({
      kind,
      policy,
      hash: algorithm ?? 'no hash named',
      input,
      credentials: {
        keyPairId: signer.id,
        privateKey: signer.privatePem,
        ...(algorithm === undefined ? {} : { algorithm }),
      },
    })),
  ),
);

describe('what the signer of AWS makes', () => {
  it.each(cases)('opens the door as a URL: $kind, $hash, $policy', async ({ input, credentials }) => {
    const sign = (path: string, seconds = 60) =>
      targetOf(getSignedUrl({ ...input(site + path, seconds), ...credentials }));
    const url = sign('/dir/video.m3u8?a=1&b=2');
    expect(await status(url)).toBe(200);
    expect(await status(url.replace('/dir/', '/other/'))).toBe(403);
    expect(
      await status(
        url.replace(/(Signature=.{5})(.)/, (_all, kept: string, one) => `${kept}${one === 'A' ? 'B' : 'A'}`),
      ),
    ).toBe(403);
    expect(await status(sign('/dir/video.m3u8', 0))).toBe(403);
  });

  it.each(cases)('opens the door as cookies: $kind, $hash, $policy', async ({ input, credentials }) => {
    const cookieOf = (seconds: number): string =>
      Object.entries(getSignedCookies({ ...input(`${site}/dir/video.m3u8?a=1`, seconds), ...credentials }))
        .map(([name, value]) => `${name}=${String(value)}`)
        .join('; ');
    expect(await status('/dir/video.m3u8?a=1', { cookie: cookieOf(60) })).toBe(200);
    expect(await status('/other/video.m3u8?a=1', { cookie: cookieOf(60) })).toBe(403);
    expect(await status('/dir/video.m3u8?a=1', { cookie: cookieOf(0) })).toBe(403);
  });

  it.each(['/z?z', '/z?a=b c&z', '/fünf mal?ü=ü', "/it's (here)!?q='", '/a%2Fb?x=%2f', '/a?x=1+1', '/'])(
    'is good for %s as it has written it',
    async (path) => {
      for (const input of [policies['a canned policy'], policies['a policy with begin and address']]) {
        const { id, privatePem } = signers.RSA;
        const url = getSignedUrl({ ...input(site + path, 60), keyPairId: id, privateKey: privatePem });
        expect(await status(targetOf(url))).toBe(200);
        expect(await status(`${targetOf(url)}&more=1`)).toBe(403);
      }
    },
  );
});
