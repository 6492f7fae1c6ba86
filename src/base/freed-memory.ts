let filler: number | undefined;

/**
 * From now on memory that goes back, to be used again, is overwritten with this byte: whoever reads it when it is no longer
 * his reads nothing that looks like media. For tests.
 */
export function overwriteFreedMemory(byte: number): void {
  filler = byte;
}

/** Nobody may read the first `length` of `bytes` any more. */
export function noteFreed(bytes: Uint8Array, length = bytes.length): void {
  if (filler !== undefined) bytes.fill(filler, 0, length);
}
