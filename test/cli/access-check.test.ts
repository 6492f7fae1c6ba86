import { describe, expect, it } from 'vitest';
import { accessFindings, describeAccess, describeCredentials } from '../../src/cli/access-check.ts';
import { configurationSchema } from '../../src/cli/configuration-schema.ts';

const secrets = [{ env: 'A' }, { env: 'B' }];

function configured(access: object, server: object) {
  return configurationSchema.parse({ origin: { access }, edge: { origins: { main: { url: 'http://h', ...server } } } });
}

describe('accessFindings', () => {
  it('says of both roles that run which secrets cannot be had', () => {
    const configuration = configured(
      { kind: 'signed', secrets },
      { sign: { secrets }, headers: { 'X-A': { env: 'C' } } },
    );
    expect(accessFindings(configuration, { A: 'a'.repeat(32), B: 'short' })).toEqual([
      expect.stringContaining('origin.access.secrets[1]: the environment variable B must have at least 32'),
      expect.stringContaining('edge.origins.main.sign.secrets[1]: the environment variable B must have at least 32'),
      'edge.origins.main.headers.X-A: there is no environment variable C',
    ]);
    const environment = { A: 'a'.repeat(32), B: 'b'.repeat(32), C: 'c' };
    expect(accessFindings(configuration, environment)).toEqual([]);
    expect(accessFindings({ ...configuration, roles: ['origin'] }, { ...environment, C: undefined })).toEqual([]);
  });
});

describe('streamfront check', () => {
  it('tells whom an origin answers, and what an edge shows', () => {
    const { origin, edge } = configured(
      { kind: 'signed', secrets, directPublish: true },
      { headers: { 'X-A': 'value' } },
    );
    expect(describeAccess(origin.access)).toBe(
      'answers edges only, which sign with one of two secrets (clocks up to 60 s apart); encoders may publish without one',
    );
    const [main] = Object.values(edge.origins);
    expect(main && describeCredentials(main)).toBe('shows X-A');
    expect(describeAccess(configured({}, {}).origin.access)).toBe('answers everybody who reaches it');
  });
});
