import { parseIpAddress } from '../../src/base/ip-address.ts';

/** A value as the format has it; numbers are uint32. */
export type WrittenValue =
  | string
  | number
  | boolean
  | readonly WrittenValue[]
  | { readonly [name: string]: WrittenValue };

export interface MmdbOptions {
  readonly recordBits?: 24 | 28 | 32;
  readonly ipVersion?: 4 | 6;
}

/** A node: where the bits 0 and 1 lead. */
type Branch = [Leaf | Branch | undefined, Leaf | Branch | undefined];

interface Leaf {
  readonly dataAt: number;
}

/**
 * Writes a database in the MaxMind DB format. `networks`: what is said of each, by range such as `192.0.2.0/24`; a later
 * one lies within an earlier one, or beside it.
 */
export function writeMmdb(
  networks: Readonly<Record<string, WrittenValue>>,
  { recordBits = 24, ipVersion = 6 }: MmdbOptions = {},
): Buffer {
  const root: Branch = [undefined, undefined];
  const places = new Map<string, number>();
  const data: Buffer[] = [];
  let dataBytes = 0;
  for (const [range, value] of Object.entries(networks)) {
    const text = JSON.stringify(value);
    let dataAt = places.get(text);
    if (dataAt === undefined) {
      dataAt = dataBytes;
      places.set(text, dataAt);
      const bytes = encodeValue(value);
      data.push(bytes);
      dataBytes += bytes.length;
    }
    insert(root, bitsOf(range, ipVersion), { dataAt });
  }
  const nodes: Branch[] = [];
  const number = (branch: Branch): void => {
    nodes.push(branch);
    for (const child of branch) if (Array.isArray(child)) number(child);
  };
  number(root);
  const numbers = new Map(nodes.map((node, i) => [node, i]));
  const tree = nodes.map((node) => {
    const [left, right] = node.map((child) => {
      if (child === undefined) return nodes.length;
      return Array.isArray(child) ? (numbers.get(child) ?? 0) : nodes.length + 16 + child.dataAt;
    });
    return encodeNode(left ?? 0, right ?? 0, recordBits);
  });
  const metadata = encodeValue({
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: 1_700_000_000,
    database_type: 'Test-Country',
    description: { en: 'made by a test' },
    ip_version: ipVersion,
    languages: ['en'],
    node_count: nodes.length,
    record_size: recordBits,
  });
  return Buffer.concat([
    ...tree,
    Buffer.alloc(16),
    ...data,
    Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1'),
    metadata,
  ]);
}

/** A database of countries as those of ip-location-db are. */
export function countryMmdb(countries: Readonly<Record<string, string>>, options?: MmdbOptions): Buffer {
  return writeMmdb(
    Object.fromEntries(Object.entries(countries).map(([range, code]) => [range, { country_code: code }])),
    options,
  );
}

function insert(root: Branch, bits: readonly number[], leaf: Leaf): void {
  let node = root;
  for (const [depth, bit] of bits.entries()) {
    if (depth === bits.length - 1) {
      node[bit] = leaf;
      return;
    }
    const child = node[bit];
    const next: Branch = Array.isArray(child) ? child : [child, child];
    node[bit] = next;
    node = next;
  }
}

function bitsOf(range: string, ipVersion: 4 | 6): number[] {
  const [address = '', prefixBits = ''] = range.split('/');
  const bytes = parseIpAddress(address) ?? new Uint8Array();
  const bits = [...bytes].flatMap((byte) => [7, 6, 5, 4, 3, 2, 1, 0].map((shift) => (byte >> shift) & 1));
  const own = bits.slice(0, Number(prefixBits));
  return bytes.length === 4 && ipVersion === 6 ? [...Array.from({ length: 96 }, () => 0), ...own] : own;
}

function encodeNode(left: number, right: number, recordBits: 24 | 28 | 32): Buffer {
  const node = Buffer.alloc(recordBits / 4);
  if (recordBits === 32) {
    node.writeUInt32BE(left, 0);
    node.writeUInt32BE(right, 4);
    return node;
  }
  node.writeUIntBE(left & 0xffffff, 0, 3);
  node.writeUIntBE(right & 0xffffff, recordBits === 24 ? 3 : 4, 3);
  if (recordBits === 28) node[3] = ((left >> 24) << 4) | (right >> 24);
  return node;
}

/** A control byte, the size behind it where it is too long for that, and what is behind (§ "Data Field Format"). */
export function encodeValue(value: WrittenValue): Buffer {
  if (typeof value === 'string') {
    const bytes = Buffer.from(value);
    return Buffer.concat([control(2, bytes.length), bytes]);
  }
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    const kept = bytes.subarray(bytes.findIndex((byte) => byte !== 0) & 3);
    return Buffer.concat([control(6, value === 0 ? 0 : kept.length), value === 0 ? Buffer.alloc(0) : kept]);
  }
  if (typeof value === 'boolean') return control(14, value ? 1 : 0);
  if (Array.isArray(value)) {
    const list = value as readonly WrittenValue[];
    return Buffer.concat([control(11, list.length), ...list.map(encodeValue)]);
  }
  const entries = Object.entries(value as Readonly<Record<string, WrittenValue>>);
  return Buffer.concat([
    control(7, entries.length),
    ...entries.flatMap(([name, field]) => [encodeValue(name), encodeValue(field)]),
  ]);
}

function control(type: number, size: number): Buffer {
  const extended = type > 7 ? [type - 7] : [];
  const [short, behind] =
    size < 29 ? [size, []] : size < 285 ? [29, [size - 29]] : [30, [(size - 285) >> 8, (size - 285) & 0xff]];
  return Buffer.from([((type > 7 ? 0 : type) << 5) | short, ...extended, ...behind]);
}
