import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { z } from 'zod';
import { startEdge } from '../../../src/edge/edge.ts';
import { edgeSchema } from '../../../src/edge/settings.ts';
import { startOrigin } from '../../../src/origin/origin.ts';
import { originSchema } from '../../../src/origin/settings.ts';
import { LogRecorder } from '../../support/log-recorder.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

type OriginInput = NonNullable<z.input<typeof originSchema>>;
type ServerInput = NonNullable<NonNullable<z.input<typeof edgeSchema>>['origins']>[string];

/** Origins with one page and edges in front of them, on one clock that stands still. */
export class RestrictedHouse implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();
  readonly clock = new VirtualClock();
  readonly log = new LogRecorder();
  readonly folder = mkdtempSync(join(tmpdir(), 'streamfront-restricted-'));

  constructor() {
    this.#stack.defer(() => rmSync(this.folder, { recursive: true, force: true }));
  }

  /** A file that only its owner may read. */
  secret(name: string, text: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, text);
    chmodSync(path, 0o600);
    return path;
  }

  /** Serves `/page.txt`. */
  async origin(settings: OriginInput) {
    const { clock, log, folder } = this;
    writeFileSync(join(folder, 'page.txt'), 'the page');
    const origin = await startOrigin(
      originSchema.parse({ http: { port: 0 }, rtmp: { port: 0 }, live: { keep: 'memory' }, ...settings }),
      { clock, log, siteDirectory: folder },
    );
    this.#stack.defer(() => origin.close());
    return origin;
  }

  /** Stores nothing, so that each request is the origin's. */
  async edge(server: ServerInput, clock = this.clock) {
    const behaviours = [{ path: '*', policy: 'cloudfront' as const, query: 'all' as const, errorTtl: '0s' }];
    const edge = await startEdge(
      edgeSchema.parse({
        http: { port: 0 },
        rtmp: { port: 0 },
        origins: { main: server },
        distributions: [{ name: 'site', behaviours }],
      }),
      { clock, log: this.log },
    );
    this.#stack.defer(() => edge.close());
    return edge;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}
