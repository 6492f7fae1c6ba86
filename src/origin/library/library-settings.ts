import { join, resolve } from 'node:path';
import { z } from 'zod';

/** What the origin can be told of the files that it keeps for viewers. */
export const librarySchema = z
  .strictObject({
    folder: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Folder of the files that are at `/library/PATH` and played over RTMP; if left out: `library` in the data folder, made at the start',
      ),
    maxOpen: z
      .int()
      .min(1)
      .max(10_000)
      .default(512)
      .describe('Files of the library that are read at once; further requests get 503'),
  })
  .prefault({});

export type LibrarySettings = z.output<typeof librarySchema>;

/** Where the library is; `undefined` when there is no folder that it could be in. */
export function libraryFolder(settings: LibrarySettings, dataFolder: string): string;
export function libraryFolder(settings: LibrarySettings, dataFolder: string | undefined): string | undefined;
export function libraryFolder(settings: LibrarySettings, dataFolder: string | undefined): string | undefined {
  if (settings.folder !== undefined) return resolve(settings.folder);
  return dataFolder === undefined ? undefined : join(resolve(dataFolder), 'library');
}
