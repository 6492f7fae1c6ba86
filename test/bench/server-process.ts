import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { pinned, serverCore } from './processor.ts';

const startDeadlineMs = 15_000;
const stopDeadlineMs = 6_000;

/** A server under test, in a process of its own. */
export interface ServerProcess extends AsyncDisposable {
  readonly pid: number;
  readonly port: number;
  /** Where it speaks TLS, if it does. */
  readonly tlsPort?: number;
}

/**
 * Starts a server, on the core for servers unless told otherwise, and waits until it takes connections on `port` of 127.0.0.1. Throws with
 * what it wrote if it ends or is silent instead. Disposing of it ends it.
 */
export async function startServer(
  command: string,
  args: readonly string[],
  port: number,
  core = serverCore,
): Promise<ServerProcess> {
  const [program, programArgs] = pinned(core, command, args);
  const child = spawn(program, programArgs, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: command === process.execPath ? process.env : peerEnvironment(),
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-8_192);
    });
  }
  let ended: string | undefined;
  child.once('error', (error) => (ended = error.message));
  child.once('exit', (code, signal) => (ended = signal ?? `exit code ${code}`));
  const endAtOnce = () => child.kill('SIGKILL');
  process.once('exit', endAtOnce);

  const deadlineMs = performance.now() + startDeadlineMs;
  while (!(await takesConnections(port))) {
    if (ended === undefined && performance.now() < deadlineMs) {
      await sleep(50);
      continue;
    }
    endAtOnce();
    throw new Error(`${command} does not listen on port ${port} (${ended ?? 'still silent'}): ${output.trim()}`);
  }
  if (child.pid === undefined) throw new Error(`${command} has no process id`);
  return {
    pid: child.pid,
    port,
    async [Symbol.asyncDispose]() {
      process.off('exit', endAtOnce);
      if (ended !== undefined) return;
      const exit = once(child, 'exit');
      child.kill('SIGTERM');
      const late = setTimeout(endAtOnce, stopDeadlineMs);
      await exit;
      clearTimeout(late);
    },
  };
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => {
      resolve(false);
    });
  });
}

/** What `npm run bench` says of malloc, as `npm start` does, is for our own servers: peers run as they are. */
function peerEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('MALLOC_')));
}
