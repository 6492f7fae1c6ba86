import { type Amf0Value, propertiesOf } from '../formats/amf0/value.ts';

/** What a player wants of a stream (RTMP 1.0 §7.2.2.1). Of a live stream only the name makes a difference. */
export interface PlayArguments {
  readonly streamName: string;
  /** `live`: a live stream and nothing else; `undefined`: whatever has the name, from its beginning. */
  readonly start: 'live' | undefined | { readonly fromMs: number };
  /** `undefined`: to the end. 0 is one picture. */
  readonly durationMs: number | undefined;
  /** Whether what was played before is given up; else it is played to its end first. */
  readonly reset: boolean;
}

/**
 * The arguments of `play`. The specification has them in seconds; ffmpeg, librtmp and Flash players send milliseconds,
 * also of the two special values. What cannot be understood is taken for what was not said. `undefined` without a name.
 */
export function playArguments(args: readonly Amf0Value[]): PlayArguments | undefined {
  const [streamName, start, duration, reset] = args;
  if (typeof streamName !== 'string' || streamName === '') return undefined;
  return {
    streamName,
    start: startOf(start),
    durationMs: isTime(duration) && duration >= 0 ? duration : undefined,
    reset: reset !== false && reset !== 0,
  };
}

/**
 * Those of `play2`, an object of options (NetStreamPlayOptions). `append` is a playlist; to switch between versions of
 * one film goes on where the other is, at `positionMs`. `undefined` without a name.
 */
export function play2Arguments(options: Amf0Value, positionMs: number | undefined): PlayArguments | undefined {
  const properties = propertiesOf(options);
  const transition = properties?.get('transition');
  const reset = transition !== 'append' && transition !== 'appendAndWait';
  const start = properties?.get('start');
  const asked = playArguments([properties?.get('streamName'), start, properties?.get('len'), reset]);
  const switches = transition === 'switch' || transition === 'swap';
  if (asked === undefined || asked.start !== undefined || !switches || positionMs === undefined) return asked;
  return { ...asked, start: { fromMs: positionMs } };
}

/** A time in the file as `seek` and `pause` send it, from the beginning on; `undefined` for what is none. */
export function timeArgument(value: Amf0Value): number | undefined {
  return isTime(value) ? Math.max(0, value) : undefined;
}

function startOf(value: Amf0Value): PlayArguments['start'] {
  if (!isTime(value) || value === -2 || value === -2_000) return undefined;
  if (value === -1 || value === -1_000) return 'live';
  return value >= 0 ? { fromMs: value } : undefined;
}

function isTime(value: Amf0Value): value is number {
  return typeof value === 'number' && !Number.isNaN(value);
}
