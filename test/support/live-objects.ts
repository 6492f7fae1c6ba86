import { setTimeout as sleep } from 'node:timers/promises';
import { queryObjects } from 'node:v8';

/** Whatever its constructor takes, private ones among them. */
type Class = Parameters<typeof queryObjects>[0] & { readonly prototype: object };

/** To look means to collect garbage, in which nothing else happens: what is to end needs time between. */
const betweenLooksMs = 500;

/** How many objects of a class, and of those that extend it, are left after a collection. */
export function liveObjects(ofClass: Class): number {
  return queryObjects(ofClass, { format: 'count' });
}

/**
 * The objects of any of these classes, none of which extends another one. A look takes as long for one class as for all,
 * so they get a prototype above them that is asked for.
 */
export class ObjectsOf {
  readonly #classes: readonly Class[];
  readonly #above = function above(this: void): void {};

  constructor(classes: readonly Class[]) {
    this.#classes = classes;
    for (const { prototype, name } of classes) {
      if (Object.getPrototypeOf(prototype) !== Object.prototype) throw new Error(`${name} extends another class`);
      Object.setPrototypeOf(prototype, this.#above.prototype as object);
    }
  }

  /** How many are left after a collection. */
  get count(): number {
    // The prototypes are below it too.
    return liveObjects(this.#above) - this.#classes.length;
  }

  /** Waits until nothing holds any of them; fails with how many are left of which class. */
  async untilGone(deadlineMs = 15_000): Promise<void> {
    const end = performance.now() + deadlineMs;
    while (this.count > 0) {
      if (performance.now() > end) {
        const left = this.#classes.map((one) => [one.name, liveObjects(one)] as const).filter(([, count]) => count > 0);
        throw new Error(`there are left: ${left.map((each) => each.join(' ')).join(', ')}`);
      }
      await sleep(betweenLooksMs);
    }
  }
}
