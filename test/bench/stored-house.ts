import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { MeteredLink } from './metered-link.ts';
import { type RtmpServerProcess, startLibraryEdge, startLibraryOrigin, startNginxRtmp } from './rtmp-servers.ts';
import { type Film, linkFilm } from './stored-film.ts';

/** Our origin with a library, the way to it, our edge, and nginx with the same files on its own disk. */
export class StoredHouse implements AsyncDisposable {
  readonly link: MeteredLink;
  readonly edge: RtmpServerProcess;
  readonly nginx: RtmpServerProcess;
  readonly #running: AsyncDisposableStack;
  readonly #library: string;
  #names = 0;

  private constructor(
    running: AsyncDisposableStack,
    library: string,
    { link, edge, nginx }: Pick<StoredHouse, 'link' | 'edge' | 'nginx'>,
  ) {
    this.#running = running;
    this.#library = library;
    this.link = link;
    this.edge = edge;
    this.nginx = nginx;
  }

  /** `folder` has to be on the file system of the films. */
  static async open(folder: string): Promise<StoredHouse> {
    const library = join(folder, 'library');
    mkdirSync(library, { recursive: true });
    const running = new AsyncDisposableStack();
    try {
      const origin = running.use(await startLibraryOrigin(join(folder, 'origin'), library));
      const link = running.use(await MeteredLink.to(origin.httpPort ?? 0));
      const edge = running.use(await startLibraryEdge(join(folder, 'edge'), link.port));
      const nginx = running.use(await startNginxRtmp(join(folder, 'nginx'), undefined, library));
      return new StoredHouse(running, library, { link, edge, nginx });
    } catch (error) {
      await running.disposeAsync();
      throw error;
    }
  }

  /** Under which a film has never been asked for. */
  newName(film: Film): string {
    const name = `film-${++this.#names}.mp4`;
    linkFilm(film, this.#library, name);
    return `mp4:${name}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running.disposeAsync();
  }
}
