import { describe, expect, it } from 'vitest';
import { edgeSchema } from '../../src/edge/settings.ts';

function findings(edge: object): string[] {
  const outcome = edgeSchema.safeParse(edge);
  return outcome.success ? [] : outcome.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
}

describe('the streaming distributions of edgeSchema', () => {
  it('are one for all live streams, from main, and one for stored files, when nothing is said', () => {
    const { streaming, origins, rtmp, publish } = edgeSchema.parse({});
    expect(rtmp).toMatchObject({ host: '127.0.0.1', port: 1_935 });
    expect(publish).toMatchObject({ auth: 'loopback', keys: [] });
    expect(origins['main']?.rtmp).toBe('rtmp://127.0.0.1:1936');
    expect(streaming).toEqual([
      {
        name: 'live',
        hosts: ['*'],
        apps: ['live'],
        behaviours: [
          {
            stream: '*',
            origins: ['main'],
            publish: true,
            publishKeyGroups: [],
            trustedKeyGroups: [],
            idleGraceMs: 10_000,
            originGraceMs: 30_000,
            answerTimeoutMs: 5_000,
            queueBytes: 4_194_304,
          },
        ],
        stored: undefined,
      },
      {
        name: 'stored',
        hosts: ['*'],
        apps: ['cfx/st'],
        behaviours: [],
        stored: { distribution: 'default', path: '/library', ttlMs: 86_400_000 },
      },
    ]);
  });

  it('have stored files only where they are said to, and by default only where something answers for them', () => {
    const distributions = [{ name: 'site', behaviours: [{ path: '/live/*' }] }];
    expect(edgeSchema.parse({ distributions }).streaming.map(({ name }) => name)).toEqual(['live']);
    expect(edgeSchema.parse({ streaming: [{ name: 'a' }] }).streaming).toHaveLength(1);
    const [own] = edgeSchema.parse({ streaming: [{ name: 'a', stored: { ttl: '1h', path: '/films' } }] }).streaming;
    expect(own).toMatchObject({ apps: ['cfx/st'], behaviours: [], stored: { path: '/films', ttlMs: 3_600_000 } });
  });

  it('say what cannot stand of stored files', () => {
    const distributions = [{ name: 'site', behaviours: [{ path: '/live/*' }] }];
    const stored = (settings: object, more = {}) =>
      findings({ distributions, streaming: [{ name: 'a', stored: settings, ...more }] });
    expect(stored({})).toEqual([
      'streaming.0.stored.path: no behaviour of the web distribution "site" answers below it',
    ]);
    expect(stored({ distribution: 'shop', path: '/live' })).toEqual([
      'streaming.0.stored.distribution: there is no web distribution "shop" in edge.distributions (there: site)',
    ]);
    expect(stored({ path: '/live' }, { behaviours: [{}] })).toEqual([
      'streaming.0.behaviours: are of live streams: a distribution with `stored` has none',
    ]);
    for (const path of ['live', '/live/', '/', '/a/../b', '/%6Cive']) {
      expect(stored({ path })).toContain(
        'streaming.0.stored.path: must be a path such as /library, without a slash at its end',
      );
    }
    expect(stored({ ttl: '59m', path: '/live' })[0]).toContain('streaming.0.stored.ttl: 59m is out of range');
  });

  it('take the host of url where an origin names no RTMP, and the first origin where none is main', () => {
    const { streaming, origins } = edgeSchema.parse({
      origins: { paris: { url: 'https://origin.example.org:8443/' } },
      distributions: [{ name: 'site', behaviours: [{ origin: 'paris' }] }],
    });
    expect(origins['paris']?.rtmp).toBe('rtmp://origin.example.org:1936');
    expect(streaming[0]?.behaviours[0]?.origins).toEqual(['paris']);
  });

  it('say what cannot stand: unknown and repeated origins, two of one name', () => {
    const behaviours = [{ origins: ['main', 'nowhere', 'main'] }];
    expect(findings({ streaming: [{ name: 'a', behaviours }, { name: 'a' }] })).toEqual([
      'streaming.0.behaviours.0.origins.1: there is no origin "nowhere" in edge.origins (there: main)',
      'streaming.0.behaviours.0.origins.2: the origin "main" is in this group already',
      'streaming.1.name: there is another streaming distribution "a": names tell them apart',
    ]);
  });

  it.each([
    ['idleGrace', '2h'],
    ['originGrace', '61m'],
    ['answerTimeout', '10ms'],
    ['queue', '1kB'],
  ])('bound %s, which %s is beyond', (name, value) => {
    expect(findings({ streaming: [{ name: 'a', behaviours: [{ [name]: value }] }] })).toHaveLength(1);
  });

  it('say when a group could take longer than clients wait', () => {
    const origins = { main: { url: 'http://a' }, b: { url: 'http://b' } };
    const behaviours = [{ origins: ['main', 'b'], answerTimeout: '8s' }];
    expect(findings({ origins, streaming: [{ name: 'a', behaviours }] })).toEqual([
      'streaming.0.behaviours.0.answerTimeout: the whole group may take 16000 ms to answer, but clients are refused after 15000 ms: make it shorter',
    ]);
  });

  it.each(['http://h', 'rtmp://h/live', 'rtmp://u:p@h', '1936'])('do not take %s for an origin', (rtmp) => {
    expect(findings({ origins: { main: { url: 'http://h', rtmp } } })[0]).toContain('origins.main.rtmp: write rtmp://');
  });
});
