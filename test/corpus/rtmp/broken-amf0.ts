import { concatenated, type HostileInput, latin1, longMessage, shortMessage } from './hostile-input.ts';

const commandAmf3 = 17;
const commandAmf0 = 20;
const dataAmf3 = 15;
const dataAmf0 = 18;

function text(value: string): Uint8Array {
  return concatenated([2, value.length >> 8, value.length & 0xff], latin1(value));
}

/** The number 1. */
const one = [0, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0];

/** A command whose third value is `bytes`. */
function commandWith(bytes: Uint8Array | readonly number[]): Uint8Array {
  return concatenated(text('createStream'), one, bytes);
}

/** An object with one property `a`. */
function objectOf(value: Uint8Array | readonly number[]): Uint8Array {
  return concatenated([3, 0, 1, 0x61], value, [0, 0, 9]);
}

function nestedObjects(depth: number): Uint8Array {
  const opening = Uint8Array.from({ length: depth * 4 }, (_, index) => [3, 0, 1, 0x61][index % 4] ?? 0);
  const closing = Uint8Array.from({ length: depth * 3 }, (_, index) => [0, 0, 9][index % 3] ?? 0);
  return concatenated(opening, [5], closing);
}

/** Values that are no AMF0, as commands and, where a publisher may send them, as metadata. */
export const brokenAmf0: readonly HostileInput[] = [
  ...[
    { what: 'an unknown marker', value: [0x77], code: 'AMF0_MARKER' },
    { what: 'a marker that the specification reserves', value: [0x04], code: 'AMF0_MARKER' },
    { what: 'a number cut short', value: [0, 1, 2], code: 'TRUNCATED' },
    { what: 'a string cut short', value: [2, 0, 9, 0x61], code: 'TRUNCATED' },
    { what: 'an object without an end', value: [3, 0, 1, 0x61], code: 'TRUNCATED' },
    { what: 'objects nested 12,000 deep', value: nestedObjects(12_000), code: 'AMF0_TOO_DEEP' },
    { what: 'an object that refers to itself', value: objectOf([7, 0, 0]), code: 'AMF0_REFERENCE' },
    { what: 'a reference to nothing', value: [7, 0xff, 0xff], code: 'AMF0_REFERENCE' },
    { what: 'a long string of 4 GiB', value: [12, 0xff, 0xff, 0xff, 0xff, 0x61], code: 'AMF0_STRING_TOO_LONG' },
    { what: 'a strict array of 4,294,967,295 values', value: [10, 0xff, 0xff, 0xff, 0xff, 5], code: 'TRUNCATED' },
    { what: 'an ECMA array of 4,294,967,295 values', value: [8, 0xff, 0xff, 0xff, 0xff], code: 'TRUNCATED' },
    { what: 'an AMF3 value', value: [0x11, 1], code: 'AMF3_UNSUPPORTED' },
  ].flatMap(({ what, value, code }): HostileInput[] => [
    {
      name: `a command with ${what}`,
      stage: 'connected',
      bytes: () => longMessage(commandAmf0, commandWith(value)),
      ends: code,
    },
    {
      name: `metadata with ${what}`,
      stage: 'publishing',
      bytes: () => longMessage(dataAmf0, concatenated(text('@setDataFrame'), text('onMetaData'), value), 1),
      ends: code,
    },
  ]),
  {
    name: 'a command that is no string',
    stage: 'connected',
    bytes: () => shortMessage(commandAmf0, [5, 5, 5]),
    ends: 'RTMP_COMMAND',
  },
  {
    name: 'a command without a transaction number',
    stage: 'connected',
    bytes: () => shortMessage(commandAmf0, text('createStream')),
    ends: 'RTMP_COMMAND',
  },
  {
    name: 'an AMF3 command without a payload',
    stage: 'connected',
    bytes: () => shortMessage(commandAmf3, []),
    ends: 'AMF3_UNSUPPORTED',
  },
  {
    name: 'an AMF3 command that is AMF3 indeed',
    stage: 'connected',
    bytes: () => shortMessage(commandAmf3, [3, 6, 1]),
    ends: 'AMF3_UNSUPPORTED',
  },
  {
    name: 'AMF3 metadata without a payload',
    stage: 'publishing',
    bytes: () => shortMessage(dataAmf3, [], 1),
    ends: 'AMF3_UNSUPPORTED',
  },
  {
    name: 'metadata without a name',
    stage: 'publishing',
    bytes: () => shortMessage(dataAmf0, [5], 1),
    ends: 'RTMP_DATA',
  },
  {
    name: 'metadata of a property named __proto__',
    stage: 'publishing',
    bytes: () =>
      longMessage(
        dataAmf0,
        concatenated(text('onMetaData'), [3, 0, 9], latin1('__proto__'), objectOf(text('x')), [0, 0, 9]),
        1,
      ),
    ends: 'survives',
  },
];
