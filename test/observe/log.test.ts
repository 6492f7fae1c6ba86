import { describe, expect, it } from 'vitest';
import { logTo } from '../../src/observe/log.ts';

function lineOf(fields: object): Record<string, unknown> {
  let line = '';
  logTo({ write: (text) => (line += text) }, 'debug').info(fields, 'a message');
  return JSON.parse(line) as Record<string, unknown>;
}

describe('logTo', () => {
  it.each([
    'key',
    'secret',
    'secrets',
    'streamKey',
    'token',
    'password',
    'signature',
    'authorization',
    'cookie',
    'headers',
  ])('cuts out what stands in the field %s, and in that of an object', (field) => {
    const line = JSON.stringify(lineOf({ [field]: 'S3CRET', about: { [field]: 'S3CRET', stays: 'here' } }));
    expect(line).not.toContain('S3CRET');
    expect(line).toContain('here');
  });

  it('cuts the values of secret parameters out of addresses, and leaves the rest', () => {
    const address = '/live/a.flv?Expires=5&Signature=S3CRET&token=S3CRET';
    const shown = '/live/a.flv?Expires=5&Signature=REDACTED&token=REDACTED';
    expect(lineOf({ url: address, cacheKey: `site ${address}`, items: [address, '/b'] })).toMatchObject({
      url: shown,
      cacheKey: `site ${shown}`,
      items: [shown, '/b'],
    });
  });

  it('tells of an error what is known to be harmless', () => {
    const cause = Object.assign(new Error('the cause'), { data: 'S3CRET' });
    const error = Object.assign(new Error('broken', { cause }), {
      code: 'E_BROKEN',
      input: 'S3CRET',
      opts: { headers: { authorization: 'S3CRET' } },
    });
    const line = lineOf({ err: error });
    expect(line['err']).toMatchObject({ type: 'Error', message: 'broken: the cause', code: 'E_BROKEN' });
    expect(JSON.stringify(line)).not.toContain('S3CRET');
  });
});
