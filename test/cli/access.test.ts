import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addAccessCommands } from '../../src/cli/access-commands.ts';
import type { AccessTarget } from '../../src/control/access-routes.ts';
import { type Control, startControl } from '../../src/control/control.ts';
import { LogRecorder } from '../support/log-recorder.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { writtenBy } from './written-by.ts';

let data: string;
let control: Control;
let revoked: { kind: string; id: string; untilMs?: number }[];

const access: AccessTarget = {
  sessions: () => [
    {
      id: 'a-0',
      protocol: 'hls',
      stream: 'site/live/a/',
      address: '192.0.2.1',
      grantId: 'g',
      keyPairId: 'K1',
      seconds: 70,
    },
    { id: 'a-1', protocol: 'rtmp', stream: 'live/a', address: '192.0.2.22', seconds: 5, sentBytes: 2_500_000 },
  ],
  revocations: () => revoked,
  revoke: (kind, id, forMs) => {
    revoked.push({ kind, id, ...(forMs && { untilMs: Date.UTC(2026, 0, 1) + forMs }) });
    return { ...revoked.at(-1), ended: 1 };
  },
  takeBack: () => revoked.pop() !== undefined,
};

beforeEach(async () => {
  data = mkdtempSync(join(tmpdir(), 'streamfront-access-'));
  revoked = [];
  control = await startControl(
    { http: { host: '127.0.0.1', port: 0 } },
    {
      clock: new VirtualClock(),
      log: new LogRecorder(),
      dataFolder: data,
      invalidations: { create: () => expect.unreachable(), find: () => undefined },
      keys: { look: () => ({ groups: {}, asked: [] }) },
      access,
    },
  );
});
afterEach(async () => {
  await control.close();
  rmSync(data, { recursive: true });
});

/** What the command says; rejects with what it fails with. */
async function typed(...words: string[]): Promise<string> {
  const program = new Command('streamfront').exitOverride().configureOutput({ writeErr: () => {} });
  addAccessCommands(program);
  for (const command of program.commands) command.exitOverride().configureOutput({ writeErr: () => {} });
  const { standardOutput } = await writtenBy(async () => {
    await program.parseAsync([...words, '--data', data], { from: 'user' });
  });
  return standardOutput;
}

describe('streamfront sessions', () => {
  it('says who watches, in columns, or as JSON for programs', async () => {
    expect(await typed('sessions')).toBe(
      [
        'a-0  hls   site/live/a/  192.0.2.1   70 s          grant g  key K1',
        'a-1  rtmp  live/a        192.0.2.22  5 s   2.5 MB',
        '',
      ].join('\n'),
    );
    expect(JSON.parse(await typed('sessions', '--json'))).toEqual(access.sessions());
  });
});

describe('streamfront revoke', () => {
  it('revokes, lists and takes back', async () => {
    expect(await typed('revoke')).toBe('Nothing is revoked.\n');
    expect(await typed('revoke', 'session', 'a-1', '--for', '2h')).toBe(
      'Revoked the session a-1 until 2026-01-01T02:00:00.000Z: 1 connection ended, whoever comes again is refused.\n',
    );
    expect(await typed('revoke', 'key', 'K1')).toMatch(/^Revoked the key K1 for good: /);
    expect(await typed('revoke')).toBe('session  a-1  until 2026-01-01T02:00:00.000Z\nkey      K1   for good\n');
    expect(await typed('revoke', 'key', 'K1', '--undo')).toBe('The key K1 is not revoked any more.\n');
    expect(revoked).toHaveLength(1);
  });

  it.each([
    [['revoke', 'everybody', 'x'], /choices are key, grant, address, session/],
    [['revoke', 'key'], /which key is to be revoked/],
    [['revoke', 'key', 'K1', '--for', 'long'], /Write a number and s, m, h or d/],
    [['revoke', 'key', 'K1', '--for', '1h', '--undo'], /cannot be used with/],
  ])('refuses %j', async (words, why) => {
    await expect(typed(...words)).rejects.toThrow(why);
    expect(revoked).toEqual([]);
  });
});
