import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../../base/log.ts';
import { codeOf, reasonOf } from '../../base/thrown.ts';
import { openFileName } from './open-parts.ts';
import {
  decodeOpenFile,
  decodeSegmentFile,
  decodeSegmentsFile,
  encodeSegmentFile,
  isCutOff,
  type KeptSegment,
} from './segment-file.ts';
import { decodeStateFile } from './state-file.ts';
import { type KeptRange, rangeOf, segmentFileName, stateFileName } from './stream-files.ts';

/** What is on the disk of one rendition. */
export interface KeptRendition {
  readonly files: readonly KeptRange[];
  /** By sequence number, each once. */
  readonly segments: readonly KeptSegment[];
}

/** What is on the disk of one stream. */
export interface KeptStream {
  /** Of its files; `name` is the last part of its path. */
  readonly folder: string;
  readonly name: string;
  readonly state: unknown;
  readonly renditions: ReadonlyMap<string, KeptRendition>;
}

const setAsideName = 'set-aside';
const maxSetAside = 100;
const streamFolder = /^[0-9a-z-]{1,64}$/;
const openFile = /^([a-z0-9][a-z0-9-]{0,31})\.open$/;
const segmentFile = /^([a-z0-9][a-z0-9-]{0,31})\.(0|[1-9][0-9]{0,14})(?:\.segment|-([1-9][0-9]{0,14})\.segments)$/;

/** The folder of the streams of one origin: what is left there from before a restart. */
export class KeptStreams {
  readonly #folder: string;
  readonly #log: Log;

  constructor(folder: string, log: Log) {
    this.#folder = folder;
    this.#log = log;
  }

  /** Where the files of a stream belong; `name`: lower-case letters, digits and hyphens. */
  folderOf(name: string): string {
    return join(this.#folder, name);
  }

  /** Reads all that can be read. What cannot is set aside, with a line in the log. Does not reject. */
  async load(): Promise<KeptStream[]> {
    const streams: KeptStream[] = [];
    for (const name of await this.#list('')) {
      if (name === setAsideName) continue;
      const stream = await this.#loadStream(name);
      if (stream !== undefined) streams.push(stream);
    }
    return streams;
  }

  /** Nothing of it is wanted any more. */
  async remove({ name, folder }: Pick<KeptStream, 'name' | 'folder'>): Promise<void> {
    await rm(folder, { recursive: true, force: true }).catch((error: unknown) => this.#report(name, error));
  }

  /** Puts something out of the way that cannot be used, for a person to look at. */
  async setAside(name: string, error: unknown): Promise<void> {
    this.#report(name, error);
    const place = join(this.#folder, setAsideName);
    try {
      await mkdir(place, { recursive: true, mode: 0o750 });
      const to = join(place, name.replaceAll('/', '.'));
      await rm(to, { recursive: true, force: true });
      await rename(join(this.#folder, name), to);
      await this.#pruneSetAside(place);
    } catch (cause) {
      this.#report(join(setAsideName, name), cause);
    }
  }

  async #loadStream(name: string): Promise<KeptStream | undefined> {
    const folder = this.folderOf(name);
    try {
      if (!streamFolder.test(name)) throw new Error('is nothing that this program has put here');
      const files = await readdir(folder);
      // Its first state was not written yet, or it was taken away because the disk failed.
      if (!files.includes(stateFileName)) {
        await this.remove({ name, folder });
        return undefined;
      }
      const state = decodeStateFile(await readFile(join(folder, stateFileName)));
      return { folder, name, state, renditions: await this.#loadRenditions(name, files) };
    } catch (error) {
      await this.setAside(name, error);
      return undefined;
    }
  }

  async #loadRenditions(name: string, files: readonly string[]): Promise<Map<string, KeptRendition>> {
    const found = new Map<string, { readonly files: KeptRange[]; readonly byMsn: Map<number, KeptSegment> }>();
    // A segment that has a file of its own was written behind the one that it shares with others.
    const ownLast = files.toSorted((a, b) => Number(a.endsWith('.segment')) - Number(b.endsWith('.segment')));
    for (const file of ownLast) {
      if (file.startsWith(stateFileName) || openFile.test(file)) continue;
      try {
        const [, rendition, first, last = first] = segmentFile.exec(file) ?? [];
        const range = { first: Number(first), last: Number(last) };
        if (rendition === undefined || segmentFileName(rendition, range) !== file) {
          throw new Error('is nothing that this program has put here');
        }
        const segments = await this.#loadFile(join(this.folderOf(name), file), range);
        if (segments.length === 0) continue;
        const there = found.get(rendition) ?? { files: [], byMsn: new Map<number, KeptSegment>() };
        found.set(rendition, there);
        there.files.push(range);
        for (const kept of segments) there.byMsn.set(kept.segment.msn, kept);
      } catch (error) {
        await this.setAside(`${name}/${file}`, error);
      }
    }
    const renditions = new Map<string, KeptRendition>();
    for (const [rendition, { files: ranges, byMsn }] of found) {
      const segments = [...byMsn.values()].sort((a, b) => a.segment.msn - b.segment.msn);
      renditions.set(rendition, { files: ranges, segments });
    }
    for (const file of files) {
      const [, rendition] = openFile.exec(file) ?? [];
      if (rendition !== undefined) await this.#closeSegment(name, rendition, renditions);
    }
    return renditions;
  }

  /** The segments of one file; without one that a kill has cut off. Throws for what is no file of such segments. */
  async #loadFile(path: string, { first, last }: KeptRange): Promise<KeptSegment[]> {
    const bytes = await readFile(path);
    const segments = first === last ? (isCutOff(bytes) ? [] : [decodeSegmentFile(bytes)]) : decodeSegmentsFile(bytes);
    const stray = segments.find(({ segment }) => segment.msn < first || segment.msn > last);
    if (stray !== undefined) {
      throw new Error(`holds segment ${stray.segment.msn}, not ${first === last ? first : `${first} to ${last}`}`);
    }
    if (segments.length === 0) await rm(path);
    return segments;
  }

  /** The segment that was open when the process was killed ends with the last part that is whole. */
  async #closeSegment(name: string, rendition: string, renditions: Map<string, KeptRendition>): Promise<void> {
    const folder = this.folderOf(name);
    const file = openFileName(rendition);
    try {
      const kept = decodeOpenFile(await readFile(join(folder, file)));
      const { files, segments } = renditions.get(rendition) ?? { files: [], segments: [] };
      if (kept !== undefined && kept.segment.msn > (segments.at(-1)?.segment.msn ?? -1)) {
        const range = rangeOf([kept]);
        await writeFile(join(folder, segmentFileName(rendition, range)), encodeSegmentFile(kept), { mode: 0o640 });
        renditions.set(rendition, { files: [...files, range], segments: [...segments, kept] });
      }
      await rm(join(folder, file));
    } catch (error) {
      await this.setAside(`${name}/${file}`, error);
    }
  }

  async #list(name: string): Promise<string[]> {
    try {
      return await readdir(join(this.#folder, name));
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') this.#report(name, error);
      return [];
    }
  }

  async #pruneSetAside(place: string): Promise<void> {
    const names = await readdir(place);
    if (names.length <= maxSetAside) return;
    const aged = await Promise.all(
      names.map(async (name) => ({ name, modifiedMs: (await stat(join(place, name))).mtimeMs })),
    );
    aged.sort((a, b) => b.modifiedMs - a.modifiedMs);
    for (const { name } of aged.slice(maxSetAside)) await rm(join(place, name), { recursive: true, force: true });
  }

  #report(name: string, error: unknown): void {
    this.#log.warn(
      {
        code: 'LIVE_STATE_UNUSABLE',
        path: join(this.#folder, name),
        reason: reasonOf(error),
      },
      'Something among the kept live streams cannot be used; it is set aside',
    );
  }
}
