import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeGeo, viewerLines } from '../../src/cli/geo-check.ts';
import { edgeSchema } from '../../src/edge/settings.ts';
import { countryMmdb } from '../support/mmdb-writer.ts';

it('streamfront check tells who says where viewers are, and reads the country database', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'streamfront-geo-check-'));
  const countryDatabase = join(folder, 'countries.mmdb');
  const edge = edgeSchema.parse({
    countryDatabase,
    trustedProxies: ['10.0.0.0/8'],
    proxyProtocol: ['http', 'rtmp'],
    streaming: [{ name: 'live', geo: { allow: ['de', 'AT'] }, behaviours: [{ geo: { block: [] } }] }],
  });
  try {
    await expect(viewerLines(edge)).rejects.toThrow('edge.countryDatabase');
    writeFileSync(countryDatabase, countryMmdb({ '192.0.2.0/24': 'DE' }));
    expect(await viewerLines(edge)).toEqual([
      '           proxies at 10.0.0.0/8 say who the viewer is, with the PROXY protocol for http, rtmp',
      `           countries by ${countryDatabase} (Test-Country)`,
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
  const [live] = edge.streaming;
  expect([describeGeo(live?.geo), describeGeo(live?.behaviours[0]?.geo)]).toEqual([
    ', only in DE, AT',
    ', in all countries',
  ]);
  expect(await viewerLines(edgeSchema.parse({}))).toEqual([]);
});
