import type { SystemProgram } from '../../scripts/system-programs.mjs';
import type { BenchReport } from './report.ts';

/** One benchmark: what `npm run bench -- NAME` runs. */
export interface Bench {
  readonly name: string;
  /** What it measures, against whom, in a sentence. */
  readonly description: string;
  /** Programs of the machine that it needs; installed where that needs no question. */
  readonly programs: readonly SystemProgram[];
  /** What may be measured by itself, if it is not all or nothing. */
  readonly groups?: readonly string[];
  /**
   * `quick` is for those who work on it: it shows that everything runs, its figures say little. `wants`: which of its
   * groups are to be measured.
   */
  run(workFolder: string, quick: boolean, wants: (group: string) => boolean): Promise<BenchReport>;
}
