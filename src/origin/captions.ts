import { ProtocolError } from '../base/errors.ts';
import { type CaptionChannel, captionChannels } from '../formats/captions/caption-channel.ts';
import { type UserDataReader, userDataReader } from '../formats/captions/registered-user-data.ts';
import type { CaptionRendition } from '../formats/m3u8/multivariant-playlist.ts';
import { matchesStreamPattern } from '../policy/publish-credentials.ts';
import { type TimedTrack, type TimedUnit, videoTimescale } from '../policy/timed-unit.ts';
import type { UnitSink } from '../policy/target-learner.ts';
import type { OriginSettings } from './settings.ts';

/** Pictures of which this much has been looked at without captions have none: the first segment has as much. */
const enoughSeconds = 0.9;
/** Where captions are found, others beside them have begun by then: about ten seconds. */
const picturesBeside = 300;

/**
 * Which captions the pictures of a stream carry (CEA-608 and 708): those that the operator says, or else those that are
 * found in the first video track. What has been found once stays listed.
 */
export class Captions implements UnitSink {
  readonly #said: readonly CaptionRendition[] | undefined;
  readonly #onFound: () => void;
  readonly #found = new Set<CaptionChannel>();
  /** Of the track that is looked at. */
  #track: number | undefined;
  #read: UserDataReader | undefined;
  #lookedAtTicks = 0;
  #picturesLeft = Infinity;

  /** `onFound`: there is another state of `renditions`. */
  constructor(path: string, settings: Pick<OriginSettings['live'], 'captions'>, onFound: () => void) {
    this.#said = settings.captions.find(({ stream }) => matchesStreamPattern(stream, path))?.channels;
    this.#onFound = onFound;
  }

  /** Empty where there are none; `undefined` as long as nobody can tell, or there are no pictures. */
  get renditions(): readonly CaptionRendition[] | undefined {
    if (this.#said !== undefined) return this.#said;
    if (this.#found.size > 0) return [...this.#found].sort(byNumber).map((channel) => ({ channel }));
    return this.#lookedAtTicks >= enoughSeconds * videoTimescale ? [] : undefined;
  }

  onEpoch(tracks: readonly TimedTrack[]): void {
    const main = tracks.find(({ config }) => config.kind === 'video');
    this.#track = main?.track;
    this.#read = main?.config.kind === 'video' ? readerOf(main.config) : undefined;
    this.#picturesLeft = Infinity;
  }

  onUnit({ track, data, durationTicks }: TimedUnit): void {
    if (track !== this.#track || this.#said !== undefined || this.#picturesLeft === 0) return;
    const channels = this.#channelsOf(data);
    if (channels === undefined) return;
    this.#picturesLeft--;
    this.#lookedAtTicks += durationTicks;
    for (const channel of channels) this.#add(channel);
  }

  /** `undefined` for a picture that cannot be read: nobody knows then. */
  #channelsOf(picture: Uint8Array): readonly CaptionChannel[] | undefined {
    try {
      const channels: CaptionChannel[] = [];
      for (const userData of this.#read?.(picture) ?? []) channels.push(...captionChannels(userData));
      return channels;
    } catch (error) {
      if (error instanceof ProtocolError) return undefined;
      throw error;
    }
  }

  #add(channel: CaptionChannel): void {
    this.#picturesLeft = Math.min(this.#picturesLeft, picturesBeside);
    if (this.#found.has(channel)) return;
    this.#found.add(channel);
    this.#onFound();
  }
}

function readerOf(config: Parameters<typeof userDataReader>[0]): UserDataReader | undefined {
  try {
    return userDataReader(config);
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}

/** CC1 to CC4, then the services, in the order of their numbers. */
function byNumber(a: CaptionChannel, b: CaptionChannel): number {
  return a.length - b.length || (a < b ? -1 : 1);
}
