/** What is done by one process. */
export interface Turn {
  /** Does it at once, or after everything of the turns before this one. */
  do(action: () => void): void;
  /** Nothing follows. */
  end(): void;
}

/**
 * Puts what several processes give into the order in which they began: a new one may give its first picture before the
 * old one has given its last. What waits is bounded by how long an old one may take to end.
 */
export class OrderedOutputs {
  readonly #turns: { readonly waiting: (() => void)[]; ended: boolean }[] = [];

  begin(): Turn {
    const turn = { waiting: [] as (() => void)[], ended: false };
    this.#turns.push(turn);
    return {
      do: (action) => {
        if (this.#turns[0] === turn) action();
        else turn.waiting.push(action);
      },
      end: () => {
        turn.ended = true;
        this.#advance();
      },
    };
  }

  #advance(): void {
    while (this.#turns[0]?.ended === true) {
      this.#turns.shift();
      for (const action of this.#turns[0]?.waiting.splice(0) ?? []) action();
    }
  }
}
