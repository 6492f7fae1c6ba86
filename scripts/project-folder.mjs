import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of the checkout, whatever folder the command was started from. */
export const projectFolder = dirname(dirname(fileURLToPath(import.meta.url)));

/** @param {string[]} steps */
export function inProject(...steps) {
  return join(projectFolder, ...steps);
}
