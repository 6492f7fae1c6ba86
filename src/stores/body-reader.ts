/** One reader's place in a body, or in a part of one, that may still be arriving. */
export interface BodyReader {
  /** The next bytes that are there, not copied; `undefined` when there are none for now, or for good (see `state`). */
  read(): Buffer | undefined;
  /** `ended`: everything that was asked for has been read. `error`: what has not been read will never come. */
  readonly state: 'open' | 'ended' | { readonly error: Error };
  /** It is not read any more. */
  close(): void;
}
