import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { LimitError } from '../../src/base/errors.ts';
import { asError, codeOf, reasonOf } from '../../src/base/thrown.ts';

function thrownBy(action: () => unknown): unknown {
  try {
    return action();
  } catch (error) {
    return error;
  }
}

describe('what was thrown', () => {
  it('has the code that the system, Node or this program gave it', () => {
    expect(codeOf(thrownBy(() => readFileSync('/no/such/file')))).toBe('ENOENT');
    expect(codeOf(thrownBy(() => readFileSync('/', { encoding: 'nothing' as 'utf8' })))).toBe('ERR_INVALID_ARG_VALUE');
    expect(codeOf(new LimitError('TOO_MANY', 'too many', { limit: 1, value: 2 }))).toBe('TOO_MANY');
  });

  it.each([new Error('x'), Object.assign(new Error('x'), { code: 20 }), { code: 'ENOENT' }, 'ENOENT', undefined, null])(
    'has no code where nobody gave it one: %s',
    (thrown) => expect(codeOf(thrown)).toBeUndefined(),
  );

  it('is told by the words of an error, and otherwise as it is', () => {
    const error = new Error('the disk is full');
    expect([reasonOf(error), reasonOf('full'), reasonOf(undefined)]).toEqual(['the disk is full', 'full', 'undefined']);
    expect(asError(error)).toBe(error);
    expect(asError('full')).toEqual(new Error('full'));
  });
});
