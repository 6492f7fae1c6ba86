import type { PlayAdmission, PlayGate, PlayRequest } from '../live/play-gate.ts';
import type { StreamDirectory } from '../live/stream-directory.ts';
import { applicationName, isStreamName, plainStreamName } from '../policy/stream-path.ts';

/** The one application that has streams. */
export const liveApp = 'live';

/** What clients add to a name: ffmpeg asks for `mp4:stage.mp4` when told to play `…/live/stage.mp4`. */
const extension = /\.(?:mp4|flv|f4v)$/;

/** Serves players from the streams of the directory. A stream that waits for its publisher lets them wait as well. */
export class DirectoryPlayGate implements PlayGate {
  readonly #directory: Pick<StreamDirectory, 'get'>;

  constructor(directory: Pick<StreamDirectory, 'get'>) {
    this.#directory = directory;
  }

  async admit({ app, streamName }: PlayRequest): Promise<PlayAdmission> {
    const application = applicationName(app);
    const name = plainStreamName(streamName);
    if (application !== liveApp) {
      return notFound(
        'PLAY_APP_UNKNOWN',
        `this server has streams at rtmp://HOST/${liveApp}/NAME, there is no application "${shown(application)}"`,
      );
    }
    if (!isStreamName(name)) {
      const sentence = 'a stream name is 1 to 128 letters, digits, dots, hyphens and underscores';
      return notFound('PLAY_NAME_INVALID', sentence);
    }
    for (const candidate of new Set([name, name.replace(extension, '')])) {
      const stream = this.#directory.get(`${application}/${candidate}`);
      if (stream !== undefined) return { kind: 'live', path: stream.path, stream, release: () => {} };
    }
    return notFound('PLAY_STREAM_NOT_FOUND', `nobody publishes ${application}/${name}`);
  }
}

function notFound(code: string, sentence: string): PlayAdmission {
  return { kind: 'refused', statusCode: 'NetStream.Play.StreamNotFound', code, sentence };
}

/** A name from the wire as it may stand in a sentence: short and printable. */
function shown(text: string): string {
  return text.slice(0, 40).replace(/[^ -~]/g, '?');
}
