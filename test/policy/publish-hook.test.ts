import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readHookAnswer } from '../../src/policy/publish-hook.ts';
import { anyText } from '../support/any-text.ts';

describe('readHookAnswer', () => {
  it.each([
    ['{"credential":"user-7"}', 'user-7'],
    ['{"credential":"Erika Muster","more":1}', 'Erika Muster'],
    ['', undefined],
    ['OK', undefined],
    ['null', undefined],
    ['["user-7"]', undefined],
    ['{"credential":7}', undefined],
    ['{"credential":""}', undefined],
    ['{"credential":"two\\nlines"}', undefined],
    [JSON.stringify({ credential: 'x'.repeat(129) }), undefined],
  ])('takes the credential of a 2xx answer %j, or none', (body, credential) => {
    expect(readHookAnswer({ status: 200, body }, [])).toEqual({ kind: 'admitted', credential });
    expect(readHookAnswer({ status: 204, body }, [])).toMatchObject({ kind: 'admitted' });
  });

  it('gives the first line of a 4xx answer as the reason, or one of its own', () => {
    expect(readHookAnswer({ status: 403, body: '\n  no such event\r\nsecond line' }, [])).toEqual({
      kind: 'refused',
      sentence: 'no such event',
    });
    expect(readHookAnswer({ status: 404, body: ' \n\u0007\n' }, [])).toEqual({
      kind: 'refused',
      sentence: 'the publish hook refused it (404)',
    });
  });

  it.each([100, 199, 301, 304, 500, 503, 599])('takes %d for a failure', (status) => {
    expect(readHookAnswer({ status, body: '{"credential":"user-7"}' }, [])).toMatchObject({ kind: 'failed' });
  });

  it('never gives a reason that is long, not printable, or repeats a secret', () => {
    const secrets = ['Qsecret-of-the-hookQ', 'Qstream-keyQ'];
    fc.assert(
      fc.property(fc.array(fc.oneof(anyText(), fc.constantFrom(...secrets))), (pieces) => {
        const verdict = readHookAnswer({ status: 401, body: pieces.join('') }, secrets);
        if (verdict.kind !== 'refused') throw new Error('a 401 that is no refusal');
        expect(verdict.sentence.length).toBeLessThanOrEqual(200);
        expect(verdict.sentence).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
        for (const secret of secrets) expect(verdict.sentence).not.toContain(secret);
        expect(verdict.sentence).not.toBe('');
      }),
    );
  });
});
