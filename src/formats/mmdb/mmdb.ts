import { ProtocolError } from '../../base/errors.ts';
import { mmdbField, type MmdbValue, readMmdbValue } from './mmdb-value.ts';

/** Comes before the metadata; the last one in the file counts. */
const marker = Uint8Array.from('\xab\xcd\xefMaxMind.com', (character) => character.charCodeAt(0));
/** The metadata begin within so much of the end. */
const metadataBytes = 131_072;
/** Zeros between tree and data. */
const separatorBytes = 16;

/** What the file says of itself. */
export interface MmdbMetadata {
  /** Such as `GeoLite2-Country`. */
  readonly databaseType: string;
  readonly nodeCount: number;
  /** Of each of the two records of a node. */
  readonly recordBits: 24 | 28 | 32;
  readonly ipVersion: 4 | 6;
}

/** A database by address (MaxMind DB File Format 2.0), read where it lies. */
export class Mmdb {
  readonly metadata: MmdbMetadata;
  readonly #bytes: Uint8Array;
  readonly #nodeBytes: number;
  /** From here on offsets of data count. */
  readonly #data: Uint8Array;
  readonly #ipv4Start: number;

  /** Throws a `ProtocolError` where the whole of it cannot be a database. Nodes are looked at by `dataOffsets` only. */
  constructor(bytes: Uint8Array) {
    const markerAt = lastMarker(bytes);
    this.metadata = readMetadata(bytes.subarray(markerAt + marker.length));
    const { nodeCount, recordBits } = this.metadata;
    this.#bytes = bytes;
    this.#nodeBytes = recordBits / 4;
    const treeBytes = nodeCount * this.#nodeBytes;
    if (treeBytes + separatorBytes > markerAt) throw broken('its tree is longer than the file');
    if (bytes.subarray(treeBytes, treeBytes + separatorBytes).some((byte) => byte !== 0)) {
      throw broken('there is no gap between its tree and its data');
    }
    this.#data = bytes.subarray(treeBytes + separatorBytes, markerAt);
    this.#ipv4Start = this.metadata.ipVersion === 4 ? 0 : this.#descend(0, new Uint8Array(12));
  }

  /** Where the data of an address are, for `value`; `undefined`: nothing is known of it. `address`: 4 or 16 bytes. */
  find(address: Uint8Array): number | undefined {
    const { ipVersion, nodeCount } = this.metadata;
    if (address.length === 16 && ipVersion === 4) return undefined;
    const found = this.#descend(address.length === 4 ? this.#ipv4Start : 0, address);
    return found > nodeCount ? found - nodeCount - separatorBytes : undefined;
  }

  /** Throws a `ProtocolError` where there is none. */
  value(dataOffset: number): MmdbValue {
    return readMmdbValue(this.#data, dataOffset);
  }

  /**
   * Where the data are that nodes lead to, those from `fromNode` up to `toNode`. Throws a `ProtocolError` for a node that
   * leads nowhere.
   */
  dataOffsets(fromNode: number, toNode: number): Set<number> {
    const { nodeCount } = this.metadata;
    const offsets = new Set<number>();
    for (let node = fromNode; node < Math.min(toNode, nodeCount); node++) {
      for (const bit of [0, 1]) {
        const record = this.#record(node, bit);
        if (record <= nodeCount) continue;
        const offset = record - nodeCount - separatorBytes;
        if (offset < 0 || offset >= this.#data.length) throw broken(`node ${node} leads out of the data`);
        offsets.add(offset);
      }
    }
    return offsets;
  }

  /** To where the bits of `address` lead from a node: another node, or beyond the tree. */
  #descend(start: number, address: Uint8Array): number {
    const { nodeCount } = this.metadata;
    let node = start;
    for (let depth = 0; depth < 8 * address.length && node < nodeCount; depth++) {
      node = this.#record(node, ((address[depth >> 3] ?? 0) >> (7 - (depth & 7))) & 1);
    }
    return node;
  }

  #record(node: number, bit: number): number {
    const bytes = this.#bytes;
    const at = node * this.#nodeBytes;
    if (this.#nodeBytes === 6) return unsigned24(bytes, at + 3 * bit);
    if (this.#nodeBytes === 8) return (bytes[at + 4 * bit] ?? 0) * 0x1_000_000 + unsigned24(bytes, at + 4 * bit + 1);
    // The byte between has the upper half of the left record and of the right one.
    const middle = bytes[at + 3] ?? 0;
    return (bit === 0 ? middle >> 4 : middle & 0xf) * 0x1_000_000 + unsigned24(bytes, at + 4 * bit);
  }
}

function unsigned24(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
}

function lastMarker(bytes: Uint8Array): number {
  const earliest = Math.max(0, bytes.length - metadataBytes - marker.length);
  for (let at = bytes.length - marker.length; at >= earliest; at--) {
    if (marker.every((byte, i) => bytes[at + i] === byte)) return at;
  }
  throw broken('it has no metadata at its end: it is no MMDB, or was cut off');
}

function readMetadata(section: Uint8Array): MmdbMetadata {
  const fields = readMmdbValue(section, 0);
  const field = (name: string): MmdbValue => mmdbField(fields, name);
  const [databaseType, major, nodeCount, recordBits, ipVersion] = [
    field('database_type'),
    field('binary_format_major_version'),
    field('node_count'),
    field('record_size'),
    field('ip_version'),
  ];
  if (major !== 2) throw broken('its format is not of version 2');
  if (typeof nodeCount !== 'number' || nodeCount < 1) throw broken('it does not say how many nodes it has');
  if (recordBits !== 24 && recordBits !== 28 && recordBits !== 32)
    throw broken('its nodes have a size that there is not');
  if (ipVersion !== 4 && ipVersion !== 6) throw broken('it is neither for IPv4 nor for IPv6');
  return { databaseType: typeof databaseType === 'string' ? databaseType : '', nodeCount, recordBits, ipVersion };
}

function broken(why: string): ProtocolError {
  return new ProtocolError('MMDB_BROKEN', why, { section: 'MaxMind DB File Format 2.0' });
}
