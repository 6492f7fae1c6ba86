/** Slots that share a place; the one written longest ago is written over. */
const ways = 4;
const fewestSlots = 1_024;

/**
 * Which keys were let go lately, in four bytes each: the ghost queue of S3-FIFO (Yang et al., SOSP 2023). A key that
 * comes back while it is remembered was let go too early. It may be mistaken about one key in some thousands, which
 * costs a worse choice and nothing else.
 */
export class GhostList {
  #slots = new Uint32Array(fewestSlots);
  /** Which slot of a place is written next. */
  #cursors = new Uint8Array(fewestSlots / ways);

  add(cacheKey: string): void {
    const fingerprint = fingerprintOf(cacheKey);
    const place = fingerprint % this.#cursors.length;
    const cursor = this.#cursors[place] ?? 0;
    this.#slots[place * ways + cursor] = fingerprint;
    this.#cursors[place] = (cursor + 1) % ways;
  }

  /** Whether the key is remembered; it is forgotten with that. */
  take(cacheKey: string): boolean {
    const fingerprint = fingerprintOf(cacheKey);
    const first = (fingerprint % this.#cursors.length) * ways;
    for (let slot = first; slot < first + ways; slot++) {
      if (this.#slots[slot] !== fingerprint) continue;
      this.#slots[slot] = 0;
      return true;
    }
    return false;
  }

  /** Makes room to remember this many keys. What was remembered is lost, which happens while a store is filling. */
  fit(keys: number): void {
    if (keys <= this.#slots.length) return;
    const slots = 2 ** Math.ceil(Math.log2(keys));
    this.#slots = new Uint32Array(slots);
    this.#cursors = new Uint8Array(slots / ways);
  }
}

/** FNV-1a of the UTF-16 code units with a last mixing, never 0. */
function fingerprintOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (hash ^ (hash >>> 13)) >>> 0 || 1;
}
