import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism, setPriority } from 'node:os';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';

/** What somebody says of it at the start of Node; hyphens and underscores are the same to V8. */
const anySemiSpaceFlag = /--(?:(?:min|max)[-_]semi[-_]space[-_]size|semi[-_]space[-_]growth[-_]factor)\b/;
const anyTurbofanFlag = /--(?:no[-_]?)?(?:invocation[-_]count[-_]for[-_]turbofan|turbofan|opt|single[-_]threaded)\b/;
const anyReducerFlag = /--(?:no[-_]?)?memory[-_]reducer\b/;
const anyConcurrencyFlag = /--(?:no[-_]?)?(?:concurrent[-_](?:marking|sweeping)|single[-_]threaded(?:[-_]gc)?)\b/;

/** From here on a collection of the young generation mostly goes through the pages of the old one, however little it finds. */
const largeHeapBytes = 1_073_741_824;
const heapLookMs = 10_000;

/** A tenth of a core that others want; by `nice`. */
const helperPriority = 10;

/**
 * Has V8 do its own work, garbage and translation, so that who waits for a part of a live stream waits for that as little
 * as can be. Leaves alone what `nodeOptions` (NODE_OPTIONS and Node's own arguments) say something of.
 */
export function keepPausesShort(nodeOptions: readonly (string | undefined)[]): void {
  const isSaid = (flag: RegExp) => nodeOptions.some((option) => option !== undefined && flag.test(option));
  if (!isSaid(anySemiSpaceFlag)) keepYoungGenerationSmall();
  if (!isSaid(anyTurbofanFlag)) optimizeLater();
  if (!isSaid(anyReducerFlag)) giveMemoryBackLater();
  // There V8's helper threads have no other to work on, and take turns with the main thread.
  if (availableParallelism() === 1 && !isSaid(anyConcurrencyFlag)) {
    markOnMainThread();
    putHelpersBehind();
  }
}

/**
 * Leaves V8's young generation as large as it begins, a semi-space of 1 MiB, in this thread and in those begun from now on. By
 * itself it grows to three times 16 or 32 MiB, and is collected seldom but for many milliseconds. So it is collected
 * often, each time for a fraction of one, and stays in the processor's cache. As a growth factor, because that is read
 * each time it would grow: the sizes are read before any program runs, and there is no way to give them to Node that all
 * systems have (`env -S` is not in BusyBox) and that needs no second process. While the heap is large it may grow: with a
 * million objects each collection took milliseconds for the old ones' pages, which was half of what a cache hit cost.
 */
function keepYoungGenerationSmall(): void {
  const growBy = (factor: number) => setFlagsFromString(`--semi-space-growth-factor=${factor}`);
  growBy(1);
  setInterval(() => growBy(getHeapStatistics().total_heap_size < largeHeapBytes ? 1 : 2), heapLookMs).unref();
}

/**
 * Has V8's last compiler begin after 30,000 calls instead of 3,000. What is called so often by a crowd is soon called ten
 * times more; but what runs for each frame of one live stream comes to 3,000 within minutes, for which it is
 * optimized at more cost than that ever saves, in the midst of what somebody waits for.
 */
function optimizeLater(): void {
  setFlagsFromString('--invocation-count-for-turbofan=30000');
}

/**
 * Has V8 look through its whole heap for memory to give back five minutes after there was much to do, not after eight seconds.
 * It costs a tenth of a second, which came every hundred seconds with one quiet stream, and was a sixth of what that takes.
 */
function giveMemoryBackLater(): void {
  setFlagsFromString('--memory-reducer-delay-ms=300000');
}

/** In steps of a millisecond between its other tasks; helpers would take as many in a row as the scheduler gives them. */
function markOnMainThread(): void {
  setFlagsFromString('--no-concurrent-marking');
  setFlagsFromString('--no-concurrent-sweeping');
}

/**
 * So that they translate code when the main thread has nothing to do. Not further: in the last step of a collection it
 * waits for what they have begun, while other processes may want the core: with 19, one in a hundred messages of an origin
 * and an edge on one core was half a second late. With 15 a tenth of a second, as soon as another process takes all that it
 * can get of the core, and ten milliseconds with 10. Linux only, where a thread has a priority.
 */
function putHelpersBehind(): void {
  for (const thread of helperThreads()) setPriority(thread, helperPriority);
}

function helperThreads(): number[] {
  if (process.platform !== 'linux') return [];
  const threads = '/proc/self/task';
  return readdirSync(threads)
    .filter((thread) => readFileSync(`${threads}/${thread}/comm`, 'utf8').includes('V8Worker'))
    .map(Number);
}
