import type { CmafVideoTrackConfig } from '../../formats/cmaf/cmaf-track.ts';
import { initSegment } from '../../formats/cmaf/init-segment.ts';
import { mediaPart } from '../../formats/cmaf/media-part.ts';
import { encodeFlvHeader, encodeFlvTag } from '../../formats/flv/flv-file.ts';
import { encodeAccessUnitTag, encodeTrackConfigTag } from '../../formats/flv/track-tag.ts';
import { messageType } from '../../formats/rtmp/message.ts';

/** A picture on its way to ffmpeg, on a clock of milliseconds that begins with the process. */
export interface FedPicture {
  readonly dtsMs: number;
  readonly ptsMs: number;
  readonly keyframe: boolean;
  readonly data: Uint8Array;
}

/** How pictures are written for ffmpeg. */
export interface FeedFormat {
  /** What `-f` calls it. */
  readonly name: 'flv' | 'mp4';
  /** How many pictures one process may be fed with. */
  readonly maxPictures: number;
  readonly header: Uint8Array;
  picture(picture: FedPicture): Uint8Array;
}

/**
 * FLV where it can be: ffmpeg reads it for as long as it likes. For codecs that are new in FLV (ffmpeg reads them from
 * 6.1 on) fragments of MP4, each of which ffmpeg remembers for ever.
 */
export function feedFormatOf(source: CmafVideoTrackConfig): FeedFormat {
  return source.codec === 'avc' ? flvFormat(source) : mp4Format(source);
}

function flvFormat(source: CmafVideoTrackConfig): FeedFormat {
  // FLV has one default track, and that is what ffmpeg reads.
  const config = { ...source, trackId: 0 };
  const configTag = encodeTrackConfigTag(config) ?? new Uint8Array(0);
  const tag = (timestampMs: number, payload: Uint8Array) =>
    encodeFlvTag({ typeId: messageType.video, timestampMs, payload });
  return {
    name: 'flv',
    maxPictures: Infinity,
    header: Buffer.concat([encodeFlvHeader({ audio: false, video: true }), tag(0, configTag)]),
    picture: ({ dtsMs, ptsMs, keyframe, data }) =>
      tag(
        dtsMs,
        encodeAccessUnitTag(config, {
          kind: 'video',
          trackId: 0,
          timestampMs: dtsMs,
          keyframe,
          compositionOffsetMs: ptsMs - dtsMs,
          data,
        }),
      ),
  };
}

/** About 100 MiB of ffmpeg's memory, and hours. */
const maxFragments = 500_000;
const fragmentTimescale = 1_000;

function mp4Format(source: CmafVideoTrackConfig): FeedFormat {
  let sequenceNumber = 0;
  return {
    name: 'mp4',
    maxPictures: maxFragments,
    header: initSegment(source, fragmentTimescale),
    // How long it lasts is told by the next one.
    picture: ({ dtsMs, ptsMs, keyframe, data }) =>
      mediaPart({
        sequenceNumber: ++sequenceNumber,
        baseMediaDecodeTimeTicks: dtsMs,
        samples: [{ durationTicks: 1, compositionOffsetTicks: ptsMs - dtsMs, keyframe, data }],
      }),
  };
}
