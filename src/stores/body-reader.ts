/** One reader's place in a body, or in a part of one, that may still be arriving. */
export interface BodyReader {
  /** The next bytes that are there, not copied; `undefined` when there are none for now, or for good (see `state`). */
  read(): Buffer | undefined;
  /** `ended`: everything that was asked for has been read. `error`: what has not been read will never come. */
  readonly state: 'open' | 'ended' | { readonly error: Error };
  /**
   * As `read`, for who says how far he is (`passed`): where memory is used again, that of what was lent then may be. Missing
   * where there is no such memory.
   */
  readLent?(): Buffer | undefined;
  /** Nothing that was lent of what lies before this byte of the body is looked at any more. */
  passed?(offset: number): void;
  /** What was lent so far may be looked at for as long as one likes. */
  keepLent?(): void;
  /** It is not read any more, and nothing that it has lent is looked at. */
  close(): void;
}

/** The next bytes, for who says how far he is. */
export function readLent(reader: BodyReader): Buffer | undefined {
  return reader.readLent === undefined ? reader.read() : reader.readLent();
}
