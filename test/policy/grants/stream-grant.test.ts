import { describe, expect, it } from 'vitest';
import { streamResources, takeStreamGrant } from '../../../src/policy/grants/stream-grant.ts';

const query = 'Expires=1&Signature=aaaa&Key-Pair-Id=K1';
const grant = { keyPairId: 'K1', signature: 'aaaa', hash: 'sha1', policy: { kind: 'canned', expires: '1' } };
const nothing = { app: 'live', tcUrl: undefined, streamName: 'stage' };

describe('takeStreamGrant', () => {
  it.each([
    ['behind the name', { ...nothing, streamName: `stage?${query}` }],
    ['behind the application', { ...nothing, app: `live?${query}` }],
    ['in tcUrl', { ...nothing, tcUrl: `rtmp://a.example/live?${query}` }],
    ['escaped, from the question mark on', { ...nothing, streamName: `mp4:a%3F${encodeURIComponent(query)}` }],
  ])('finds what stands %s', (_where, words) => {
    expect(takeStreamGrant(words)).toEqual({ presented: grant, rest: '' });
  });

  it('keeps what else stands in the query of the name', () => {
    expect(takeStreamGrant({ ...nothing, streamName: `stage?a=1&${query}&b` })).toEqual({
      presented: grant,
      rest: 'a=1&b',
    });
    expect(takeStreamGrant({ ...nothing, streamName: 'stage?a=1' })).toEqual({ presented: 'absent', rest: 'a=1' });
    expect(takeStreamGrant(nothing)).toEqual({ presented: 'absent', rest: '' });
  });

  it('takes half a grant for none that could be good', () => {
    expect(takeStreamGrant({ ...nothing, streamName: 'stage?Expires=1' }).presented).toBe('malformed');
  });
});

describe('streamResources', () => {
  const texts = (names: string[], rest = '', tcUrl = 'rtmp://a.example:1935/cfx/st') =>
    streamResources({ tcUrl }, 'cfx/st', names, rest).map(({ url }) => url);

  it.each([
    'dir/video.mp4',
    'mp4:dir/video.mp4',
    'cfx/st/dir/video.mp4',
    'cfx/st/mp4:dir/video.mp4',
    // As the signer of AWS has it.
    'cfx/st/mp4%3Adir/video.mp4',
    'rtmp://a.example:1935/cfx/st/mp4:dir/video.mp4',
  ])('has %s among the names of a file', (name) => {
    expect(texts(['dir/video.mp4'])).toContain(name);
  });

  it('has all of them with what else stands in the query, and no other', () => {
    const named = texts(['video'], 'a=1', '');
    expect(named).toContain('video?a=1');
    expect(named.every((name) => name.endsWith('video?a=1') && !name.startsWith('rtmp'))).toBe(true);
  });
});
