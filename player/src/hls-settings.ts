import type { HlsConfig, LoadPolicy } from 'hls.js';

/**
 * Playlists are asked for as long as there is hope of an answer: a refused connection or a 503 costs a try, and the
 * count, which sound and pictures share, begins anew with each playlist that arrives. An origin may restart several
 * times. 4xx is not tried again here; the watch view asks the list of streams instead.
 */
const playlistLoadPolicy: LoadPolicy = {
  default: {
    maxTimeToFirstByteMs: 10_000,
    maxLoadTimeMs: 20_000,
    timeoutRetry: { maxNumRetry: 8, retryDelayMs: 500, maxRetryDelayMs: 4_000 },
    errorRetry: { maxNumRetry: 40, retryDelayMs: 500, maxRetryDelayMs: 4_000, backoff: 'exponential' },
  },
};

const manifestLoadPolicy: LoadPolicy = {
  default: {
    maxTimeToFirstByteMs: 10_000,
    maxLoadTimeMs: 20_000,
    timeoutRetry: { maxNumRetry: 2, retryDelayMs: 0, maxRetryDelayMs: 0 },
    errorRetry: { maxNumRetry: 2, retryDelayMs: 500, maxRetryDelayMs: 2_000 },
  },
};

const shared: Partial<HlsConfig> = {
  // fMP4 needs no remuxing worth a thread, and a worker would need `worker-src blob:`.
  enableWorker: false,
  enableInterstitialPlayback: false,
  manifestLoadPolicy,
  playlistLoadPolicy,
};

/**
 * Target durations behind the live edge beyond which the player jumps to it. Set after construction: as a setting it
 * would need `liveSyncDurationCount` beside it, which takes the place of PART-HOLD-BACK.
 */
export const maxLatencyDurationCount = 10;

/** For the watch view. `liveSyncDuration` stays unset, so that PART-HOLD-BACK rules the distance to the live edge. */
export const watchSettings: Partial<HlsConfig> = {
  ...shared,
  lowLatencyMode: true,
  // So that the media element knows that it is live, and media-chrome from it.
  liveDurationInfinity: true,
  maxLiveSyncPlaybackRate: 1.1,
  backBufferLength: 60,
  capLevelToPlayerSize: true,
  // An encoder that comes and goes leaves many small holes. hls.js steps over one each tenth of a second, and by itself
  // gives up for good after three steps that did not make the picture move; three seconds are enough for the next part.
  nudgeMaxRetry: 30,
};

/** For the small running pictures of the library: cheap rather than close to the live edge. */
export const previewSettings: Partial<HlsConfig> = {
  ...shared,
  lowLatencyMode: false,
  liveSyncDurationCount: 1,
  maxBufferLength: 4,
  maxMaxBufferLength: 6,
  maxBufferSize: 4_000_000,
  backBufferLength: 2,
};
