import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** Runs a program of ours with a file system of 1 MiB mounted at `folder`, where it alone sees it. */
export async function onSmallFileSystem(folder: string, file: string): Promise<{ code: number; output: string }> {
  const command = `mount -t tmpfs -o size=1m none "$1" && exec "$2" "$3" "$1"`;
  const child = spawn('unshare', ['-rm', 'sh', '-c', command, 'sh', folder, process.execPath, file], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => (output += text.toString()));
  const [code] = (await once(child, 'exit')) as [number];
  return { code, output };
}
