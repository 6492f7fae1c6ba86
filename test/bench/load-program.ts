import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const sourceFolder = join(import.meta.dirname, 'load');

/** What is made once and kept between runs: programs, clips. Not part of the project. */
export const cacheFolder = join(import.meta.dirname, '..', '..', '.cache');

/** What all load programs share. */
const machineFiles = ['machine.c', 'machine.h'];

/**
 * Compiles a program from a C file of the folder `load`, or from all files of one folder in it, unless that has been
 * done and they have not changed since; `compilerArgs` come last. Gives the path of the program.
 */
export async function compileLoadProgram(
  name: string,
  source: string,
  compilerArgs: readonly string[] = [],
): Promise<string> {
  const ownFiles = source.endsWith('.c') ? [source] : filesIn(source);
  const files = [...ownFiles, ...machineFiles].map((file) => join(sourceFolder, file));
  const hash = createHash('sha256').update(compilerArgs.join(' '));
  for (const file of files) hash.update(readFileSync(file));
  const program = join(cacheFolder, `${name}-${hash.digest('hex').slice(0, 16)}`);
  if (existsSync(program)) return program;
  mkdirSync(cacheFolder, { recursive: true });
  const unfinished = `${program}.${process.pid}`;
  const units = files.filter((file) => file.endsWith('.c'));
  await execute('gcc', [
    '-std=gnu17',
    '-O2',
    '-Wall',
    '-Wextra',
    '-pthread',
    '-o',
    unfinished,
    ...units,
    '-lm',
    ...compilerArgs,
  ]);
  renameSync(unfinished, program);
  return program;
}

function filesIn(folder: string): string[] {
  return readdirSync(join(sourceFolder, folder))
    .toSorted()
    .map((file) => join(folder, file));
}
