import { type HostileInput, longMessage, shortMessage } from './hostile-input.ts';

const audio = 8;
const video = 9;
const dataAmf0 = 18;
const sharedObject = 19;
const commandAmf0 = 20;
const aggregate = 22;

/** A raw AAC frame, and an AVC frame, as far as FLV is concerned. */
const audioTag = [0xaf, 1, 1, 2, 3, 4];
const videoTag = [0x27, 1, 0, 0, 0, 0, 0, 0, 1, 0x41];

/** Media and data where none belongs, or of a kind that is none. */
export const misplacedMedia: readonly HostileInput[] = [
  {
    name: 'video before connect',
    stage: 'handshaken',
    bytes: () => shortMessage(video, videoTag, 1),
    ends: 'RTMP_MEDIA_WITHOUT_PUBLISH',
  },
  {
    name: 'video on message stream 0',
    stage: 'connected',
    bytes: () => shortMessage(video, videoTag, 0),
    ends: 'RTMP_MEDIA_WITHOUT_PUBLISH',
  },
  {
    name: 'video on a message stream that does not publish',
    stage: 'streaming',
    bytes: () => shortMessage(video, videoTag, 1),
    ends: 'RTMP_MEDIA_WITHOUT_PUBLISH',
  },
  {
    name: 'audio on a message stream that does not publish',
    stage: 'streaming',
    bytes: () => shortMessage(audio, audioTag, 1),
    ends: 'RTMP_MEDIA_WITHOUT_PUBLISH',
  },
  {
    name: 'an aggregate on a message stream that does not publish',
    stage: 'streaming',
    bytes: () => shortMessage(aggregate, [9, 0, 0, 1], 1),
    ends: 'RTMP_MEDIA_WITHOUT_PUBLISH',
  },
  {
    name: 'audio on another message stream than the one that publishes',
    stage: 'publishing',
    bytes: () => shortMessage(audio, audioTag, 2),
    ends: 'RTMP_MEDIA_WITHOUT_PUBLISH',
  },
  ...(['connected', 'publishing'] as const).flatMap((stage): HostileInput[] =>
    [
      { what: 'audio', typeId: audio },
      { what: 'video', typeId: video },
      { what: 'data', typeId: dataAmf0 },
      { what: 'a command', typeId: commandAmf0 },
      { what: 'an aggregate', typeId: aggregate },
    ].map(({ what, typeId }) => ({
      name: `${what} of length zero while ${stage}`,
      stage,
      bytes: () => shortMessage(typeId, [], 1),
      ends: 'survives',
    })),
  ),
  {
    name: 'metadata from somebody who does not publish',
    stage: 'streaming',
    bytes: () => shortMessage(dataAmf0, [2, 0, 1, 0x61], 1),
    ends: 'survives',
  },
  {
    name: 'a shared object',
    stage: 'connected',
    bytes: () => shortMessage(sharedObject, [1, 2, 3]),
    ends: 'survives',
  },
  {
    name: 'a message of a type that is none',
    stage: 'connected',
    bytes: () => shortMessage(77, [1, 2, 3]),
    ends: 'survives',
  },
  {
    name: 'an AVC tag cut short',
    stage: 'publishing',
    bytes: () => shortMessage(video, [0x17, 1], 1),
    ends: 'TRUNCATED',
  },
  {
    name: 'an AAC tag cut short',
    stage: 'publishing',
    bytes: () => shortMessage(audio, [0xaf], 1),
    ends: 'TRUNCATED',
  },
  {
    name: 'an AVC configuration that is none',
    stage: 'publishing',
    bytes: () => shortMessage(video, [0x17, 0, 0, 0, 0, 0xff, 0xff, 0xff], 1),
    ends: 'AVC_CONFIGURATION',
  },
  {
    name: 'an AVC configuration whose parameter set is longer than itself',
    stage: 'publishing',
    bytes: () => shortMessage(video, [0x17, 0, 0, 0, 0, 1, 100, 0, 31, 0xff, 0xe1, 0xff, 0xff, 0x67], 1),
    ends: 'TRUNCATED',
  },
  {
    name: 'an AAC configuration with the reserved sampling frequency',
    stage: 'publishing',
    bytes: () => shortMessage(audio, [0xaf, 0, 0x16, 0xf0], 1),
    ends: 'AAC_CONFIGURATION',
  },
  {
    name: 'an aggregate whose message is longer than itself',
    stage: 'publishing',
    bytes: () => shortMessage(aggregate, [9, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1], 1),
    ends: 'TRUNCATED',
  },
  {
    name: 'a command within an aggregate',
    stage: 'publishing',
    bytes: () => shortMessage(aggregate, [20, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 5], 1),
    ends: 'RTMP_AGGREGATE',
  },
  {
    name: 'a command of 40,000 bytes for a name',
    stage: 'connected',
    bytes: () => {
      const name = new Uint8Array(40_000).fill(0x61);
      return longMessage(commandAmf0, Buffer.concat([Uint8Array.of(2, name.length >> 8, name.length & 0xff), name]));
    },
    ends: 'AMF0_STRING_TOO_LONG',
  },
];
