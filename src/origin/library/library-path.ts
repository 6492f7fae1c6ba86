import { percentDecoded } from '../../base/percent-decoding.ts';

/** No file system takes longer ones. */
const maxSegmentBytes = 255;

/**
 * The names of folders and of the file that a path below `/library/` leads through: percent-decoded, of a path that is
 * normalised. `undefined` for what is no path of a library: empty names (so that no folder is ever asked for), names that
 * begin with a dot, that hold a separator of any system or a NUL, that are no UTF-8 or longer than any.
 */
export function libraryPath(path: string): readonly string[] | undefined {
  const names: string[] = [];
  for (const segment of path.split('/')) {
    const name = percentDecoded(segment);
    if (name === undefined || name === '' || name.startsWith('.') || /[/\\\0]/.test(name)) return undefined;
    if (name.length > maxSegmentBytes) return undefined;
    names.push(name);
  }
  return names;
}
