/** What fills the page below its head. */
export interface View {
  readonly root: HTMLElement;
  /** Ends everything that it has begun: timers, requests, players. */
  destroy(): void;
}
