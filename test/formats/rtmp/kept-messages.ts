import type { RtmpMessage } from '../../../src/formats/rtmp/message.ts';

/** Payloads are lent by their decoder: these are there for good. */
export function kept(messages: readonly RtmpMessage[]): RtmpMessage[] {
  return messages.map((message) => ({ ...message, payload: new Uint8Array(message.payload) }));
}
