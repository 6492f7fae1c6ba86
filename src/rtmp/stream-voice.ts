import { amf0Object, type Amf0Value } from '../formats/amf0/value.ts';
import { encodeDataMessage } from '../formats/rtmp/data-message.ts';
import { onStatusMessage, type RtmpStatus } from '../formats/rtmp/status.ts';
import { isLibrary } from './client-quirks.ts';
import type { SessionOutput } from './session-output.ts';

/** What a server says to a player about one message stream, beside its media. */
export class StreamVoice {
  readonly #output: SessionOutput;
  readonly #messageStreamId: number;
  /** Whether it takes a status among the data for what it is. */
  readonly #readsDataStatus: boolean;

  constructor(output: SessionOutput, messageStreamId: number, clientName: string | undefined) {
    this.#output = output;
    this.#messageStreamId = messageStreamId;
    this.#readsDataStatus = !isLibrary(clientName);
  }

  /** User Control (RTMP 1.0 §7.1.7). */
  event(kind: 'stream-begin' | 'stream-eof' | 'stream-is-recorded'): void {
    this.#output.control({ kind: 'user-control', event: { kind, messageStreamId: this.#messageStreamId } });
  }

  status(level: RtmpStatus['level'], code: string, description: string): void {
    this.#output.command(onStatusMessage(this.#messageStreamId, { level, code, description }));
  }

  /** Flash players may not look at samples without the one, and may wait for the other before they play. */
  whatFlashPlayersWaitFor(): void {
    this.#data('|RtmpSampleAccess', true, true);
    if (this.#readsDataStatus) this.#data('onStatus', amf0Object({ code: 'NetStream.Data.Start' }));
  }

  /** `onPlayStatus`, which has its place between the media: of playlists, and of what was played to its end. */
  playStatus(code: string, details: Readonly<Record<string, Amf0Value>>): void {
    if (this.#readsDataStatus) this.#data('onPlayStatus', amf0Object({ level: 'status', code, ...details }));
  }

  flush(): void {
    this.#output.flush();
  }

  #data(name: string, ...args: Amf0Value[]): void {
    this.#output.data(encodeDataMessage({ name, args }, this.#messageStreamId));
  }
}
