import { ConfigError } from '../base/errors.ts';
import { formatDurationMs } from '../base/units.ts';
import { reasonOf } from '../base/thrown.ts';
import type { Slate } from '../live/slate.ts';
import { matchesStreamPattern } from '../policy/publish-credentials.ts';
import { fittingTargetDurationSeconds } from '../policy/target-duration.ts';
import { type ClipBounds, type MediaClip, readMediaClip } from '../rtmp/media-file/media-clip.ts';
import type { OriginSettings } from './settings.ts';

const maxBytes = 64 * 1_048_576;
const maxSeconds = 600;
/** A clip whose sound ends a frame or two after its pictures; what segments may be longer than TARGETDURATION is more. */
const overhangSeconds = 0.3;

/**
 * Reads the clips of all rules, each file once, and gives the slate of a stream by its path: that of the first rule that
 * fits. Throws `ConfigError` with everything that is wrong with any of them.
 */
export async function loadSlates(
  settings: Pick<OriginSettings['live'], 'slate' | 'segmentMs' | 'reconnectGraceMs'>,
): Promise<(path: string) => Slate | undefined> {
  const bounds: ClipBounds = {
    maxBytes,
    maxSeconds,
    // So that every segment can begin with a keyframe in all streams, whatever their own publishers send.
    maxKeyframeSeconds: fittingTargetDurationSeconds(settings.segmentMs / 1_000, 0) + overhangSeconds,
  };
  const { reconnectGraceMs } = settings;
  const findings: string[] = [];
  const clips = new Map<string, MediaClip | undefined>();
  const slates: { readonly stream: string; readonly slate: Slate }[] = [];
  for (const [index, { stream, file, afterMs, stallMs }] of settings.slate.entries()) {
    const setting = `origin.live.slate[${index}]`;
    if (afterMs >= reconnectGraceMs) {
      findings.push(
        `${setting}.after: it would never play, the stream ends after ${formatDurationMs(reconnectGraceMs)} ` +
          '(origin.live.reconnectGrace)',
      );
    }
    if (!clips.has(file)) {
      const clip = await readMediaClip(file, bounds).catch((error: unknown) => {
        findings.push(`${setting}.file: ${file}: ${problemOf(error)}`);
      });
      clips.set(file, clip ?? undefined);
    }
    const clip = clips.get(file);
    if (clip !== undefined) slates.push({ stream, slate: { clip, afterMs, stallMs } });
  }
  if (findings.length > 0) throw new ConfigError('The slate cannot be played:', findings);
  return (path) => slates.find(({ stream }) => matchesStreamPattern(stream, path))?.slate;
}

function problemOf(error: unknown): string {
  if (error instanceof ConfigError) return error.findings.join('; ');
  return `it cannot be read: ${reasonOf(error)}`;
}
