import { join } from 'node:path';

/**
 * Where a file of the program itself lies (the player's page, the demo clip), in a checkout (`src/cli/`) as in the
 * published package (`dist/cli/`): both are two folders below the root.
 */
export function programFile(...steps: string[]): string {
  return join(import.meta.dirname, '..', '..', ...steps);
}

/** The film that `streamfront start` shows, and practises with. */
export const demoClip = programFile('media', 'demo.mp4');
