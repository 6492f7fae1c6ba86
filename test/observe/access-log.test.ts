import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { AccessLog } from '../../src/observe/access-log.ts';
import { eventually } from '../support/condition.ts';
import { LogRecorder } from '../support/log-recorder.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { sampleExchange } from './sample-exchange.ts';

const exchange = sampleExchange();

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function setUp(maxFileBytes = 1_048_576) {
  const parent = mkdtempSync(join(tmpdir(), 'access-log-'));
  folders.push(parent);
  const folder = join(parent, 'log');
  const clock = new VirtualClock();
  const log = new LogRecorder();
  const accessLog = new AccessLog({ folder, maxFileBytes, location: 'test1', clock, log });
  const files = () =>
    readdirSync(folder)
      .toSorted()
      .map((name) => ({ name, lines: readFileSync(join(folder, name), 'latin1').split('\n').slice(0, -1) }));
  return { folder, clock, log, accessLog, files };
}

describe('AccessLog', () => {
  it('writes each line once, also those that lie where longer ones lay before', async () => {
    const { clock, accessLog, files } = setUp();
    const targets = ['/long'.padEnd(1_000, 'x'), '/long-too'.padEnd(800, 'y'), '/short', '/s'];
    for (const [index, target] of targets.entries()) {
      accessLog.record({ ...exchange, target });
      if (index === 0) accessLog.record({ ...exchange, target: '/beside' });
      clock.advance(1_000);
      await eventually('the lines', () => accessLog.stats().linesWritten === index + 2);
    }
    const stems = files().flatMap(({ lines }) => lines.slice(2).map((line) => line.split('\t')[7]));
    expect(stems).toEqual([targets[0], '/beside', ...targets.slice(1)]);
    await accessLog.close();
  });

  it('writes lines a second later, behind two head lines, for its owner only', async () => {
    const { folder, clock, accessLog, files } = setUp();
    for (let i = 0; i < 3; i++) accessLog.record({ ...exchange, target: `/${i}` });
    expect(accessLog.stats()).toEqual({ linesWritten: 0, linesDropped: 0 });
    clock.advance(1_000);
    await eventually('three lines', () => accessLog.stats().linesWritten === 3);
    const [file] = files();
    expect(file?.name).toMatch(/^test1\.2026-01-01-00\.[0-9a-f]{8}\.log$/);
    expect(file?.lines.slice(0, 2).map((line) => line.slice(0, 8))).toEqual(['#Version', '#Fields:']);
    expect(file?.lines.slice(2).map((line) => line.split('\t')[7])).toEqual(['/0', '/1', '/2']);
    expect([statSync(folder).mode & 0o777, statSync(join(folder, file?.name ?? '')).mode & 0o777]).toEqual([
      0o700, 0o600,
    ]);
    await accessLog.close();
  });

  it('begins a file with every hour, and when one is large enough', async () => {
    const { clock, accessLog, files } = setUp(400);
    const write = async (lines: number) => {
      accessLog.record(exchange);
      clock.advance(1_000);
      await eventually(`${lines} lines`, () => accessLog.stats().linesWritten === lines);
    };
    await write(1);
    await write(2);
    expect(files()).toHaveLength(2);
    clock.advance(3_600_000);
    await write(3);
    expect(files().map(({ name }) => name.slice(0, 19))).toEqual([
      'test1.2026-01-01-00',
      'test1.2026-01-01-00',
      'test1.2026-01-01-01',
    ]);
    expect(files().map(({ lines }) => lines.length)).toEqual([3, 3, 3]);
    await accessLog.close();
  });

  it('writes what waits when it is closed', async () => {
    const { accessLog, files } = setUp();
    accessLog.record(exchange);
    await accessLog.close();
    expect(files()[0]?.lines).toHaveLength(3);
    accessLog.record(exchange);
    expect(accessLog.stats()).toEqual({ linesWritten: 1, linesDropped: 1 });
  });

  it('loses and counts what the disk does not take, says so once, and goes on when it does', async () => {
    const { folder, clock, log, accessLog, files } = setUp();
    writeFileSync(folder, 'a file where the folder should be');
    for (let lost = 1; lost <= 2; lost++) {
      accessLog.record(exchange);
      clock.advance(1_000);
      await eventually('a lost line', () => accessLog.stats().linesDropped === lost);
    }
    expect(log.lines.filter(({ fields }) => fields['code'] === 'ACCESS_LOG_UNWRITABLE')).toHaveLength(1);
    rmSync(folder);
    accessLog.record(exchange);
    clock.advance(1_000);
    await eventually('a written line', () => accessLog.stats().linesWritten === 1);
    expect(files()[0]?.lines).toHaveLength(3);
    await accessLog.close();
  });

  it('writes what is full at once, and the rest a second later', async () => {
    const { clock, accessLog, files } = setUp(100_000_000);
    const target = `/${'a'.repeat(1_000)}`;
    const count = 128 * 6;
    for (let i = 0; i < count; i++) accessLog.record({ ...exchange, target: `${target}${i}` });
    await eventually('a page', () => accessLog.stats().linesWritten > 0);
    const { linesWritten } = accessLog.stats();
    expect(linesWritten).toBeLessThan(count);
    expect(linesWritten).toBeGreaterThan(count / 2);
    // Nothing more is on its way: another line comes behind all that wait.
    accessLog.record(exchange);
    clock.advance(1_000);
    await eventually('the rest', () => accessLog.stats().linesWritten === count + 1);
    const stems = files().flatMap(({ lines }) => lines.slice(2).map((line) => line.split('\t')[7]));
    expect(stems).toEqual([...Array.from({ length: count }, (_, i) => `${target}${i}`), exchange.target]);
    await accessLog.close();
  });

  it('holds a bounded number of lines for a disk that is slow, and drops and counts the rest', async () => {
    const { accessLog, files } = setUp(100_000_000);
    // Nothing is written before this loop is over.
    const lines = 40_000;
    const target = `/${'a'.repeat(1_000)}`;
    for (let i = 0; i < lines; i++) accessLog.record({ ...exchange, target });
    expect(accessLog.stats().linesDropped).toBeGreaterThan(lines / 2);
    await accessLog.close();
    const { linesDropped, linesWritten } = accessLog.stats();
    expect(linesWritten + linesDropped).toBe(lines);
    expect(files().reduce((sum, file) => sum + file.lines.length - 2, 0)).toBe(lines - linesDropped);
  });

  it('takes the longest line there is, and drops what would be longer', async () => {
    const { accessLog, files } = setUp();
    // Host stands in a line twice, each byte as three.
    const longest = '\xff'.repeat(20_480);
    for (let i = 0; i < 20; i++) accessLog.record({ ...exchange, fields: { ...exchange.fields, host: longest } });
    accessLog.record({ ...exchange, target: '\xff'.repeat(100_000) });
    await accessLog.close();
    expect(accessLog.stats()).toEqual({ linesWritten: 20, linesDropped: 1 });
    expect(new Set(files().flatMap((file) => file.lines.slice(2).map((line) => line.split('\t').length)))).toEqual(
      new Set([33]),
    );
  });
});
