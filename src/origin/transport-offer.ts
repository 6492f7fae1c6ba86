import type { Log } from '../base/log.ts';
import type { TimedTrack } from '../policy/timed-unit.ts';
import type { EncodedText } from './encoded-text.ts';
import type { StreamKeys } from './encryption/stream-keys.ts';
import { ladderRuleOf } from './ladder/ladder-settings.ts';
import { transportSegmentPath } from './live-paths.ts';
import type { PlaylistSource } from './live-playlists.ts';
import type { PackagedPlaylists } from './packaged-playlists.ts';
import type { Rendition } from './rendition.ts';
import type { OriginSettings } from './settings.ts';
import {
  transportFault,
  transportSegment,
  type TransportVariant,
  transportVariantOf,
  transportVariants,
} from './transport-variant.ts';

export interface TransportOfferOptions {
  /** `app/name`. */
  readonly path: string;
  readonly epoch: string;
  readonly settings: Pick<OriginSettings['live'], 'mpegTs' | 'ladder' | 'timedMetadata'>;
  /** Of an encrypted stream. */
  readonly keys: Pick<StreamKeys, 'encryptsWholeFiles' | 'encrypted'> | undefined;
  readonly playlists: PackagedPlaylists;
  /** All of the stream, those without a segment among them. */
  readonly renditions: () => readonly Rendition[];
  readonly source: () => PlaylistSource | undefined;
  readonly log: Log;
}

/** A live stream as MPEG-TS for old players: nothing is made, and nothing kept, before somebody asks for it. */
export class TransportOffer {
  readonly #options: TransportOfferOptions;

  constructor(options: TransportOfferOptions) {
    this.#options = options;
  }

  /** Says in the log if the tracks of a publisher have no MPEG-TS. */
  onTracks(tracks: readonly TimedTrack[]): void {
    const [main, ...others] = tracks.map(({ config }) => config);
    if (!this.#options.settings.mpegTs || main === undefined) return;
    const fault = transportFault(
      main,
      others.filter(({ kind }) => main.kind === 'video' && kind === 'audio'),
    );
    if (fault === undefined) return;
    this.#options.log.info({ stream: this.#options.path, reason: fault }, 'Stream is not offered as MPEG-TS');
  }

  /** That of a rendition, without a name of the first that has one; why there is none, if so. */
  variant(name: string | undefined): TransportVariant | string {
    const refusal = this.#refusal;
    if (refusal !== undefined) return refusal;
    const renditions = this.#options.renditions();
    const named = renditions.find((rendition) => name === undefined || rendition.name === name);
    if (named === undefined) return `this stream has no rendition "${name}"`;
    return (name === undefined ? this.#variants[0] : undefined) ?? transportVariantOf(named, renditions);
  }

  /** `undefined` as long as there is nothing to list. */
  playlist(variant: TransportVariant): EncodedText | undefined {
    const source = this.#options.source();
    return source && this.#options.playlists.transport(source, variant);
  }

  /** `undefined` where there is no variant. */
  multivariantPlaylist(): EncodedText | undefined {
    if (this.#refusal !== undefined) return undefined;
    const variants = this.#variants;
    return variants.length === 0 ? undefined : this.#options.playlists.transportMultivariant(variants);
  }

  /** Encrypted where the stream is. */
  segment(variant: TransportVariant, msn: number): Uint8Array | undefined {
    const { keys, epoch, settings } = this.#options;
    const bytes = transportSegment(variant, msn, settings.timedMetadata.length > 0);
    if (bytes === undefined || keys === undefined) return bytes;
    return keys.encrypted(transportSegmentPath(epoch, variant.main.name, msn), msn, [bytes]);
  }

  get #variants(): readonly TransportVariant[] {
    const { settings, path, renditions } = this.#options;
    return transportVariants(renditions(), ladderRuleOf(settings.ladder, path)?.audioOnly === true);
  }

  get #refusal(): string | undefined {
    const { settings, keys } = this.#options;
    if (!settings.mpegTs) return 'MPEG-TS is turned off';
    return keys?.encryptsWholeFiles === false
      ? 'there is no MPEG-TS of a stream whose samples are encrypted'
      : undefined;
  }
}
