import { setFlagsFromString } from 'node:v8';

/** What somebody says of it at the start of Node; hyphens and underscores are the same to V8. */
const anySemiSpaceFlag = /--(?:(?:min|max)[-_]semi[-_]space[-_]size|semi[-_]space[-_]growth[-_]factor)\b/;

/**
 * Leaves V8's young generation as large as it begins, a semi-space of 1 MiB, in this thread and in those begun from now on. By
 * itself it grows to three times 16 or 32 MiB, and is collected seldom but for many milliseconds: who waits for a part of a
 * live stream waits for that too. So it is collected often, each time for a fraction of one, and stays in the processor's
 * cache. As a growth factor, because that is read each time it would grow: the sizes are read before any program runs, and
 * there is no way to give them to Node that all systems have (`env -S` is not in BusyBox) and that needs no second process.
 *
 * Does nothing where `nodeOptions` (NODE_OPTIONS and Node's own arguments) say something of it.
 */
export function keepYoungGenerationSmall(nodeOptions: readonly (string | undefined)[]): void {
  if (nodeOptions.some((option) => option !== undefined && anySemiSpaceFlag.test(option))) return;
  setFlagsFromString('--semi-space-growth-factor=1');
}
