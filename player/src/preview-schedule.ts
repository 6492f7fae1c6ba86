/** A card that wants a running picture. */
export interface PreviewWish<Id> {
  readonly id: Id;
  /** At least partly on the screen. */
  readonly onScreen: boolean;
  /** Under the pointer or the focus. */
  readonly favoured: boolean;
}

/**
 * Which cards may run, at most `capacity`: those on the screen; favoured ones first, then those that run already (so
 * that nothing flickers), then in the order of the page.
 */
export function schedulePreviews<Id>(
  wishes: readonly PreviewWish<Id>[],
  running: ReadonlySet<Id>,
  capacity: number,
): ReadonlySet<Id> {
  const rank = (wish: PreviewWish<Id>) => (wish.favoured ? 0 : running.has(wish.id) ? 1 : 2);
  const chosen = wishes
    .filter((wish) => wish.onScreen)
    .map((wish, place) => ({ id: wish.id, rank: rank(wish), place }))
    .sort((a, b) => a.rank - b.rank || a.place - b.place)
    .slice(0, capacity);
  return new Set(chosen.map(({ id }) => id));
}
