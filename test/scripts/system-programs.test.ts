import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findProgram, provide } from '../../scripts/system-programs.mjs';

const path = process.env['PATH'];
afterEach(() => {
  process.env['PATH'] = path;
});

describe('findProgram', () => {
  it('finds a program on the PATH and gives its path', () => {
    expect(findProgram('sh')).toMatch(/^\/.*\/sh$/);
  });

  it('finds none that is not there', () => {
    expect(findProgram('no-such-program-anywhere')).toBeUndefined();
  });
});

describe('provide', () => {
  const missing = { name: 'Frobnicator', executables: ['frobnicator-9'], debianPackages: ['frob', 'frob-data'] };

  it('says nothing when all is there', async () => {
    expect(await provide([{ name: 'a shell', executables: ['sh'], debianPackages: ['dash'] }])).toEqual([]);
  });

  describe('where there is no apt-get', () => {
    beforeEach(() => {
      process.env['PATH'] = '';
    });

    it('names the program that is missing and what to install', async () => {
      expect(await provide([missing])).toEqual([
        'Frobnicator is missing: install frob and frob-data (there is no apt-get to install it with)',
      ]);
    });
  });
});
