/** Figures as people read them. A missing figure is a dash, never `NaN` or `0`. */

const none = '–';

function known(value: number | undefined): value is number {
  return value !== undefined && Number.isFinite(value);
}

/** `812 kbit/s`, `4.2 Mbit/s`. */
export function formatBitrate(bitsPerSecond: number | undefined): string {
  if (!known(bitsPerSecond) || bitsPerSecond <= 0) return none;
  if (bitsPerSecond < 999_500) return `${Math.round(bitsPerSecond / 1000)} kbit/s`;
  const megabits = bitsPerSecond / 1_000_000;
  return `${megabits < 9.95 ? megabits.toFixed(1) : Math.round(megabits)} Mbit/s`;
}

/** `1.4 s`, with one decimal below a minute. */
export function formatSeconds(seconds: number | undefined): string {
  if (!known(seconds)) return none;
  const shown = Math.max(0, seconds);
  if (shown < 59.95) return `${shown.toFixed(1)} s`;
  const whole = Math.round(shown);
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/** How long something has been going on: `38 s`, `12 min`, `3 h 5 min`, `2 d 4 h`. */
export function formatElapsed(elapsedMs: number | undefined): string {
  if (!known(elapsedMs)) return none;
  const seconds = Math.max(0, Math.floor(elapsedMs / 1000));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const days = Math.floor(hours / 24);
  if (days > 0) return `${days} d ${hours % 24} h`;
  if (hours > 0) return `${hours} h ${minutes % 60} min`;
  return minutes > 0 ? `${minutes} min` : `${seconds} s`;
}

/** `1280 × 720`. */
export function formatSize(size: { readonly width: number; readonly height: number } | undefined): string {
  return size === undefined || size.width === 0 || size.height === 0 ? none : `${size.width} × ${size.height}`;
}

/** `720p30`, as streamers write it: the shorter side, then the frame rate. */
export function formatQuality(
  video: { readonly width: number; readonly height: number; readonly framesPerSecond?: number | undefined } | undefined,
): string {
  if (video === undefined || video.width === 0 || video.height === 0) return none;
  const rate = known(video.framesPerSecond) ? `${Math.round(video.framesPerSecond)}` : '';
  return `${Math.min(video.width, video.height)}p${rate}`;
}

/** `38 %`, of a share between 0 and 1. */
export function formatShare(share: number | undefined): string {
  return known(share) ? `${Math.round(share * 100)} %` : none;
}

const avcProfiles: Readonly<Record<string, string>> = {
  '42': 'Baseline',
  '4d': 'Main',
  '58': 'Extended',
  '64': 'High',
};

/**
 * A CODECS value (RFC 6381) in words: `avc1.64001f` is `H.264 High 3.1`, `mp4a.40.2` is `AAC-LC`. One that is not
 * known is given back as it is.
 */
export function formatCodec(codec: string): string {
  const avc = /^avc[13]\.([0-9a-f]{2})[0-9a-f]{2}([0-9a-f]{2})$/i.exec(codec);
  if (avc !== null) {
    const profile = avcProfiles[(avc[1] ?? '').toLowerCase()];
    const level = Number.parseInt(avc[2] ?? '', 16) / 10;
    return profile === undefined ? 'H.264' : `H.264 ${profile} ${level.toFixed(1)}`;
  }
  if (codec === 'mp4a.40.2') return 'AAC-LC';
  if (codec === 'mp4a.40.5' || codec === 'mp4a.40.29') return 'HE-AAC';
  if (/^hvc1|^hev1/.test(codec)) return 'H.265';
  if (codec.startsWith('av01')) return 'AV1';
  if (/^opus$/i.test(codec)) return 'Opus';
  return codec === '' ? none : codec;
}

/** `48 kHz stereo`. */
export function formatSound(sampleRate: number | undefined, channels: number | undefined): string {
  const rate = known(sampleRate) ? `${sampleRate / 1000} kHz` : '';
  const layout = channels === 1 ? 'mono' : channels === 2 ? 'stereo' : known(channels) ? `${channels} channels` : '';
  return [rate, layout].filter((part) => part !== '').join(' ') || none;
}
