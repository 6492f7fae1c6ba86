import { readFileSync, statSync } from 'node:fs';
import { unreadable } from '../stores/unreadable-file.ts';

/** Where a secret stands: never in the configuration itself. */
export interface SecretSource {
  readonly file?: string | undefined;
  readonly env?: string | undefined;
}

/** The environment of the process, or what a test puts in its place. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Shorter ones can be guessed. */
const minLength = 32;
const maxLength = 1_024;

/**
 * Reads a secret: visible characters, one line. What is wrong is added to `findings`, with the name of the setting and
 * without anything of the secret. A file that others than its owner may read is refused.
 */
export function readSecret(
  source: SecretSource,
  setting: string,
  environment: Environment,
  findings: string[],
  bounds: { readonly minLength: number } = { minLength },
): string | undefined {
  const found = source.file === undefined ? fromEnvironment(environment, source.env ?? '') : fromFile(source.file);
  if ('problem' in found) {
    findings.push(`${setting}: ${found.problem}`);
    return undefined;
  }
  const { where } = found;
  const text = found.text.replace(/\r?\n$/, '');
  if (text.length < bounds.minLength) {
    const more = bounds.minLength === minLength ? ', such as "openssl rand -hex 32" makes' : '';
    findings.push(`${setting}: ${where} must have at least ${bounds.minLength} characters${more}`);
  } else if (text.length > maxLength || !/^[ -~]+$/.test(text) || text.trim() !== text) {
    findings.push(`${setting}: ${where} must be one line of visible ASCII, at most ${maxLength} characters`);
  } else {
    return text;
  }
  return undefined;
}

type Found = { readonly text: string; readonly where: string } | { readonly problem: string };

function fromEnvironment(environment: Environment, name: string): Found {
  const text = environment[name];
  if (text === undefined) return { problem: `there is no environment variable ${name}` };
  return { text, where: `the environment variable ${name}` };
}

function fromFile(file: string): Found {
  try {
    const problem = onlyForOwner(file);
    return problem === undefined ? { text: readFileSync(file, 'utf8'), where: file } : { problem };
  } catch (cause) {
    return { problem: unreadable(file, cause) };
  }
}

/** What is wrong with the permissions of a file that is a secret. Throws when there is no such file. */
export function onlyForOwner(file: string): string | undefined {
  if ((statSync(file).mode & 0o077) === 0) return undefined;
  return `others than its owner may read or write ${file}: chmod 600 ${file}`;
}
