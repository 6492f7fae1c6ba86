import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { check } from '../../src/cli/check.ts';
import { writtenBy } from './written-by.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'streamfront-check-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

async function said(configuration: string): Promise<string> {
  const config = join(folder, 'streamfront.yaml');
  writeFileSync(config, configuration);
  return (await writtenBy(() => check({ config, data: join(folder, 'data') }))).standardOutput;
}

describe('streamfront check', () => {
  it('says that an edge without origin servers fetches from the origin of its process, whatever ports that has', async () => {
    const text = await said('origin: { http: { port: 18081 }, rtmp: { port: 11936 } }');
    expect(text).toContain('/live/* → main (the origin of this process), by policy');
    expect(text).toContain('* → main (the origin of this process); may be published here');
    expect(text).not.toContain('127.0.0.1:8081');
    expect(text).not.toContain('127.0.0.1:1936');
  });

  it('says where origin servers are that are named, and those of an edge that is alone', async () => {
    const named = 'edge: { origins: { main: { url: "http://origin.example.org:8081" } } }';
    expect(await said(named)).toContain('main (http://origin.example.org:8081), by policy');
    expect(await said('roles: [edge]')).toContain('main (http://127.0.0.1:8081), by policy');
  });

  it('says which streams have renditions or are encrypted', async () => {
    const text = await said(`
origin:
  live:
    ladder: [{ stream: live/stage, renditions: [480p, { name: tiny, height: 180 }, audio] }]
    encryption: [{ stream: 'live/*', method: AES-128, rotate: 10m }]
`);
    expect(text).toContain('live/stage has renditions: 480p, tiny, audio\n');
    expect(text).toContain('live/* is encrypted, by AES-128\n');
  });
});
