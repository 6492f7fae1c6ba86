import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { stringify } from 'yaml';
import type { ConfigurationInput } from '../../src/cli/configuration-schema.ts';
import { eventually } from './condition.ts';

const mainFile = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts');
const watching = ['overwriting-freed-memory.ts', 'judging-playlists.ts'].map(
  (file) => `--import=${pathToFileURL(join(import.meta.dirname, file)).href}`,
);

/** The real program in a process and a folder of its own, on ports that the system chose. */
export interface RunningProgram {
  readonly process: ChildProcess;
  /** Where viewers come, without a slash at the end. */
  readonly edgeUrl: string;
  /** Where edges fetch, without a slash at the end. */
  readonly originUrl: string;
  /** Where encoders publish and players come, at the edge: `rtmp://127.0.0.1:PORT/live`. */
  readonly rtmpUrl: string;
  /** Where the edge publishes and plays, at the origin: `rtmp://127.0.0.1:PORT/live`. */
  readonly originRtmpUrl: string;
  readonly dataFolder: string;
  readonly standardOutput: () => string;
  readonly logLines: () => Record<string, unknown>[];
  /** SIGTERM, then waits; gives the exit code. */
  stop(): Promise<number | null>;
}

interface ProgramOptions {
  readonly configuration?: ConfigurationInput;
  readonly flags?: readonly string[];
}

function parseLogLines(text: string): Record<string, unknown>[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** Starts `streamfront start` and waits until it says that it is running. Fails with what it wrote if it ends before. */
export async function startProgram({ configuration = {}, flags = [] }: ProgramOptions = {}): Promise<RunningProgram> {
  const folder = mkdtempSync(join(tmpdir(), 'streamfront-'));
  const configFile = join(folder, 'streamfront.yaml');
  writeFileSync(configFile, stringify(configuration));
  const dataFolder = join(folder, 'data');
  const portFlags = ['--http-port', '--rtmp-port', '--origin-http-port', '--origin-rtmp-port', '--control-port'];
  const ports = portFlags.flatMap((flag) => [flag, '0']);
  const child = spawn(
    process.execPath,
    [...watching, mainFile, 'start', '--config', configFile, '--data', dataFolder, ...ports, ...flags],
    { stdio: ['ignore', 'pipe', 'pipe'], cwd: folder },
  );
  let out = '';
  let log = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text;
  });
  const exited = once(child, 'exit');
  const stop = async () => {
    child.kill('SIGTERM');
    const [code] = (await exited) as [number | null];
    rmSync(folder, { recursive: true, force: true });
    return code;
  };
  try {
    const isRunning = () => {
      if (child.exitCode !== null) throw new Error(`the program ended with ${child.exitCode}:\n${out}${log}`);
      return out.includes('Ctrl-C ends it.');
    };
    await eventually('the program says that it is running', isRunning, 30_000);
  } catch (error) {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  const listening = (setting: string) => {
    const line = parseLogLines(log).find((entry) => entry['setting'] === setting);
    return typeof line?.['port'] === 'number' ? line['port'] : 0;
  };
  return {
    process: child,
    edgeUrl: `http://127.0.0.1:${listening('edge.http.port')}`,
    originUrl: `http://127.0.0.1:${listening('origin.http.port')}`,
    rtmpUrl: `rtmp://127.0.0.1:${listening('edge.rtmp.port')}/live`,
    originRtmpUrl: `rtmp://127.0.0.1:${listening('origin.rtmp.port')}/live`,
    dataFolder,
    standardOutput: () => out,
    logLines: () => parseLogLines(log),
    stop,
  };
}
