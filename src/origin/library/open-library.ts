import { mkdirSync, realpathSync, statSync } from 'node:fs';
import type { Clock } from '../../base/clock.ts';
import { ConfigError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { reasonOf } from '../../base/thrown.ts';
import { LibraryFiles } from './library-files.ts';
import { LibraryResponder } from './library-responder.ts';
import { libraryFolder, type LibrarySettings } from './library-settings.ts';

/**
 * The library of an origin; `undefined` when there is no folder that it could be in. Makes the one in the data folder; one
 * that is named in the settings has to be there, else it throws a `ConfigError`: a disk that is not mounted is no empty
 * library.
 */
export function openLibrary(
  settings: LibrarySettings,
  { clock, log, dataFolder }: { readonly clock: Clock; readonly log: Log; readonly dataFolder: string | undefined },
): LibraryResponder | undefined {
  const folder = libraryFolder(settings, dataFolder);
  if (folder === undefined) return undefined;
  const setting = settings.folder === undefined ? 'data' : 'origin.library.folder';
  try {
    if (settings.folder === undefined) mkdirSync(folder, { recursive: true, mode: 0o750 });
    if (!statSync(folder).isDirectory()) throw new Error('it is no folder');
    return new LibraryResponder({ files: new LibraryFiles(realpathSync(folder), settings.maxOpen), clock, log });
  } catch (cause) {
    const reason = reasonOf(cause);
    throw new ConfigError('the library cannot be used', [`${setting}: ${folder}: ${reason}`]);
  }
}
