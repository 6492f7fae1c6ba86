import { codeOf } from '../base/thrown.ts';

/** Why a file cannot be read, in the operator's words. */
export function unreadable(file: string, cause: unknown): string {
  const code = codeOf(cause);
  switch (code) {
    case 'ENOENT':
      return `there is no file ${file}`;
    case 'EACCES':
      return `this user may not read ${file}`;
    case 'EISDIR':
      return `${file} is a folder`;
    default:
      return `${file} cannot be read (${code ?? String(cause)})`;
  }
}
