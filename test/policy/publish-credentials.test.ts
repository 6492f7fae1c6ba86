import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decidePublish,
  matchesStreamPattern,
  publisherRole,
  type PublishPolicy,
  publishSafety,
} from '../../src/policy/publish-credentials.ts';

const equal = (a: string, b: string) => a === b;
const stageKey = { stream: 'live/stage', key: 'stage-secret' };
const anyKey = { stream: '*', key: 'master-secret' };

function decide(
  policy: Partial<PublishPolicy>,
  streamName: string,
  { app = 'live', tcUrl, peerAddress = '192.0.2.7' }: { app?: string; tcUrl?: string; peerAddress?: string } = {},
) {
  return decidePublish(
    { auth: 'key', keys: [stageKey, anyKey], ...policy },
    { app, tcUrl, streamName, peerAddress },
    equal,
  );
}

describe('decidePublish', () => {
  it('finds the key in the stream name, in the app and in the tcUrl', () => {
    const admitted = { kind: 'admitted', path: 'live/stage', credential: 'key 1' };
    expect(decide({}, 'stage?key=stage-secret')).toEqual(admitted);
    expect(decide({}, 'stage?vhost=x&key=stage-secret')).toEqual(admitted);
    expect(decide({}, 'stage', { app: 'live?key=stage-secret' })).toEqual(admitted);
    expect(decide({}, 'stage', { app: 'live/', tcUrl: 'rtmp://h/live?key=stage-secret' })).toEqual(admitted);
    expect(decide({}, 'stage?key=stage%2Dsecret')).toEqual(admitted);
  });

  it('names the credential by its place in the settings, never by its text', () => {
    expect(decide({}, 'other?key=master-secret')).toEqual({
      kind: 'admitted',
      path: 'live/other',
      credential: 'key 2',
    });
  });

  it('does not let a key open a stream that its pattern does not name', () => {
    expect(decide({}, 'other?key=stage-secret')).toMatchObject({ kind: 'refused', reason: 'key-wrong' });
  });

  it('tells a missing key from a wrong one', () => {
    expect(decide({}, 'stage')).toMatchObject({ kind: 'refused', reason: 'key-missing' });
    expect(decide({}, 'stage?key=')).toMatchObject({ kind: 'refused', reason: 'key-missing' });
    expect(decide({}, 'stage?key=nope-nope')).toMatchObject({ kind: 'refused', reason: 'key-wrong' });
  });

  it('asks encoders on this machine for no key when auth is loopback, and others for one', () => {
    for (const peerAddress of ['127.0.0.1', '::1', '::ffff:127.0.0.1']) {
      expect(decide({ auth: 'loopback' }, 'stage', { peerAddress })).toEqual({
        kind: 'admitted',
        path: 'live/stage',
        credential: undefined,
      });
    }
    expect(decide({ auth: 'loopback' }, 'stage')).toMatchObject({ reason: 'key-missing' });
    expect(decide({ auth: 'key' }, 'stage', { peerAddress: '127.0.0.1' })).toMatchObject({ reason: 'key-missing' });
  });

  it('gives the credential where no key is needed too, so that its holder can take its stream over', () => {
    expect(decide({ auth: 'none' }, 'stage?key=stage-secret')).toMatchObject({ credential: 'key 1' });
    expect(decide({ auth: 'loopback' }, 'stage?key=stage-secret', { peerAddress: '::1' })).toMatchObject({
      credential: 'key 1',
    });
    expect(decide({ auth: 'none', keys: [] }, 'stage?key=whatever')).toMatchObject({
      kind: 'admitted',
      credential: undefined,
    });
  });

  it('compares every key, whichever fits', () => {
    const compared: string[] = [];
    const policy: PublishPolicy = { auth: 'key', keys: [stageKey, anyKey, { stream: 'x', key: 'third-one' }] };
    decidePublish(
      policy,
      { app: 'live', tcUrl: undefined, streamName: 'stage?key=stage-secret', peerAddress: '::1' },
      (a, b) => {
        compared.push(b);
        return a === b;
      },
    );
    expect(compared).toEqual(['stage-secret', 'master-secret', 'third-one']);
  });

  it.each(['', '.', '..', 'a/b', 'ä', 'a b', 'a'.repeat(129), '<script>', '%2e%2e', 'a\n'])(
    'refuses the stream name %j in plain words',
    (name) => {
      expect(decide({ auth: 'none' }, name)).toMatchObject({ kind: 'refused', reason: 'name-invalid' });
    },
  );

  it('takes names of 1 and of 128 characters, and those with a container in front', () => {
    expect(decide({ auth: 'none' }, 'a')).toMatchObject({ path: 'live/a' });
    expect(decide({ auth: 'none' }, 'a'.repeat(128))).toMatchObject({ kind: 'admitted' });
    expect(decide({ auth: 'none' }, 'mp4:show.mp4')).toMatchObject({ path: 'live/show.mp4' });
  });

  it.each(['', 'vod', 'live/deep', 'LIVE'])('refuses the application %j', (app) => {
    expect(decide({ auth: 'none' }, 'stage', { app })).toMatchObject({ kind: 'refused', reason: 'app-unknown' });
  });

  it('never repeats a key, right or wrong, in a sentence', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 12 }), fc.constantFrom('live', 'vod', 'live?key='), (typed, app) => {
        const secret = `Q${typed.replaceAll(/[^a-z0-9]/gi, 'x')}Q7`;
        const decision = decide({}, `sta ge?key=${secret}`, { app: app + (app.endsWith('=') ? secret : '') });
        const other = decide({}, `stage?key=${secret}`, { app });
        expect(JSON.stringify([decision, other])).not.toContain(secret);
        expect(JSON.stringify([decision, other])).not.toContain('-secret');
      }),
    );
  });
});

describe('matchesStreamPattern', () => {
  it('takes the star for any run of characters', () => {
    expect(matchesStreamPattern('*', 'live/a')).toBe(true);
    expect(matchesStreamPattern('live/*', 'live/a')).toBe(true);
    expect(matchesStreamPattern('live/a*c', 'live/abc')).toBe(true);
    expect(matchesStreamPattern('live/a*a', 'live/a')).toBe(false);
    expect(matchesStreamPattern('*/stage-*-hd', 'live/stage-2-hd')).toBe(true);
    expect(matchesStreamPattern('*/stage-*-hd', 'live/stage-hd')).toBe(false);
    expect(matchesStreamPattern('live/a', 'live/ab')).toBe(false);
    expect(matchesStreamPattern('live/a.c', 'live/abc')).toBe(false);
  });

  it('agrees with the regular expression of the same meaning', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '/', '*'), maxLength: 12 });
    fc.assert(
      fc.property(text, text, (pattern, path) => {
        const expression = new RegExp(`^${pattern.split('*').join('[^]*')}$`);
        expect(matchesStreamPattern(pattern, path)).toBe(expression.test(path));
      }),
    );
  });
});

describe('publishSafety', () => {
  const on = (host: string, publish: Partial<PublishPolicy>) =>
    publishSafety('origin', { rtmp: { host }, publish: { auth: 'loopback', keys: [], ...publish } });

  it('lets loopback listen without a key', () => {
    expect(on('127.0.0.1', {})).toEqual([]);
    expect(on('::1', {})).toEqual([]);
  });

  it.each(['0.0.0.0', '::', '192.0.2.1', 'media.example.org'])('wants a key or auth none for %s', (host) => {
    expect(on(host, {})).toEqual([expect.stringContaining('origin.publish.keys')]);
    expect(on(host, { auth: 'key' })).toHaveLength(1);
    expect(on(host, { auth: 'none' })).toEqual([]);
    expect(on(host, { keys: [stageKey] })).toEqual([]);
  });

  it('finds that nobody could publish where a key is asked for and there is none', () => {
    expect(on('127.0.0.1', { auth: 'key' })).toEqual([expect.stringContaining('nobody could publish')]);
  });
});

describe('publisherRole', () => {
  const target = { app: 'live', tcUrl: undefined, streamName: 'stage', peerAddress: '192.0.2.7' };

  it.each([
    ['the stream name', { streamName: 'stage?key=x&backup=1' }],
    ['the application, as in the address of the backup server of YouTube', { app: 'live?backup=1' }],
    ['the tcUrl', { tcUrl: 'rtmp://h/live?backup=1' }],
    ['a second query that an encoder has appended', { streamName: 'stage?key=x?backup=1' }],
  ])('is backup where %s says so', (_, said) => {
    expect(publisherRole({ ...target, ...said })).toBe('backup');
  });

  it.each([['stage'], ['stage?backup=0'], ['stage?backup'], ['stage_backup'], ['backup=1'], ['stage?nobackup=1']])(
    'is primary for %s',
    (streamName) => {
      expect(publisherRole({ ...target, streamName })).toBe('primary');
    },
  );
});
