import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A program that behaves as the one of another machine does: `script` (sh) sees its arguments as `$*`. Its path. */
export async function standIn(folder: string, name: string, script: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}
