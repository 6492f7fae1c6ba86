import { describe, expect, it } from 'vitest';
import {
  AccessError,
  ConfigError,
  LimitError,
  ProtocolError,
  StreamFrontError,
  UpstreamError,
} from '../../src/base/errors.ts';

describe('StreamFrontError', () => {
  it('is told by its class, its name and its code', () => {
    const cause = new Error('below');
    for (const error of [
      new ProtocolError('A_CODE', 'something happened', { cause }),
      new AccessError('A_CODE', 'something happened', { cause }),
      new UpstreamError('A_CODE', 'something happened', { cause }),
    ]) {
      expect(error).toBeInstanceOf(StreamFrontError);
      expect(error).toMatchObject({ code: 'A_CODE', message: 'A_CODE: something happened', cause });
      expect(error.name).toBe(error.constructor.name);
    }
  });

  it('has no cause where there is none', () => {
    expect('cause' in new ProtocolError('A_CODE', 'something happened')).toBe(false);
  });
});

describe('ProtocolError', () => {
  it('says where and by which section', () => {
    const error = new ProtocolError('A_CODE', 'a thing', { byteOffset: 0, section: 'RTMP 1.0 §5.3' });
    expect(error.message).toBe('A_CODE: a thing at byte 0 (RTMP 1.0 §5.3)');
    expect(error).toMatchObject({ byteOffset: 0, section: 'RTMP 1.0 §5.3' });
    const remedied = new ProtocolError('A_CODE', 'a thing', { byteOffset: 4, remedy: 'copy it again' });
    expect(remedied.message).toBe('A_CODE: a thing at byte 4: copy it again');
  });
});

describe('LimitError', () => {
  it('names value, limit and setting', () => {
    const error = new LimitError('A_CODE', 'too large', { limit: 5, value: 6, setting: 'origin.x' });
    expect(error.message).toBe('A_CODE: too large: 6, limit 5 (setting origin.x)');
    expect(error).toMatchObject({ limit: 5, value: 6 });
    expect(new LimitError('A_CODE', 'too large', { limit: 5, value: 6 }).message).toBe('A_CODE: too large: 6, limit 5');
  });
});

describe('ConfigError', () => {
  it('lists every finding', () => {
    const error = new ConfigError('this cannot stand', ['one', 'two']);
    expect(error.message).toBe('CONFIG_INVALID: this cannot stand\n  - one\n  - two');
    expect(error.findings).toStrictEqual(['one', 'two']);
  });
});
