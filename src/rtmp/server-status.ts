import { type Amf0Value, propertiesOf } from '../formats/amf0/value.ts';
import type { RtmpCommand } from '../formats/rtmp/command.ts';

/** What a server says about a stream: `onStatus` (RTMP 1.0 §7.2.2). Fit for a terminal, empty where it says nothing. */
export interface ServerStatus {
  readonly messageStreamId: number;
  readonly level: string;
  readonly code: string;
  readonly description: string;
}

/** Reads the information object of `onStatus`, `_result` or `_error`. */
export function serverStatus(command: RtmpCommand, messageStreamId: number): ServerStatus {
  const information = propertiesOf(command.args[0]);
  return {
    messageStreamId,
    level: text(information?.get('level')),
    code: text(information?.get('code')),
    description: text(information?.get('description')),
  };
}

function text(value: Amf0Value): string {
  return typeof value === 'string' ? value.slice(0, 512).replace(/[^ -~]/g, '?') : '';
}
