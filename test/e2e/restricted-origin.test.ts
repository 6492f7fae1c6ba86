import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { eventually } from '../support/condition.ts';
import { startProgram } from '../support/program.ts';

const secret = 'program-secret-'.repeat(3);

it('with both roles in one process the edge knows the secret of an origin that answers edges only', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'streamfront-restricted-'));
  const file = join(folder, 'secret');
  writeFileSync(file, `${secret}\n`);
  chmodSync(file, 0o600);
  const access = { kind: 'signed' as const, secrets: [{ file }] };
  const program = await startProgram({ configuration: { origin: { access }, demo: true } });
  try {
    // The demo is published through the edge, and told of through it.
    const streams = async () => (await fetch(`${program.edgeUrl}/live/streams.json`)).text();
    await eventually('the demo', async () => (await streams()).includes('"demo"'), 15_000);
    const direct = await fetch(`${program.originUrl}/live/streams.json`);
    expect([direct.status, await direct.text()]).toEqual([
      403,
      'this origin answers edges only: the request has no signature of an edge\n',
    ]);
    expect(JSON.stringify(program.logLines()) + program.standardOutput()).not.toContain('program-secret-');
  } finally {
    await program.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});
