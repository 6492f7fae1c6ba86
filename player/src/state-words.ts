import type { PlayerState } from './recovery.ts';

export interface StateWords {
  readonly title: string;
  readonly text: string;
  /** Whether a way back to the library belongs here. */
  readonly wayBack: boolean;
}

/** What stands over the picture in a state; undefined where the picture speaks for itself. */
export function stateWords(state: PlayerState, stream: string): StateWords | undefined {
  switch (state) {
    case 'starting':
    case 'playing':
    case 'paused':
    case 'buffering':
      return undefined;
    case 'waiting':
      return {
        title: 'The stream is paused',
        text: 'Waiting for it to come back. It plays on by itself.',
        wayBack: false,
      };
    case 'ended':
      return {
        title: 'The stream has ended',
        text: 'If it starts again, it plays on here by itself.',
        wayBack: true,
      };
    case 'absent':
      return {
        title: `There is no stream called “${stream}”`,
        text: 'Check the name, or stay: it begins by itself as soon as somebody publishes it.',
        wayBack: true,
      };
    case 'offline':
      return {
        title: 'The server does not answer',
        text: 'Trying again every few seconds. It plays on by itself.',
        wayBack: false,
      };
    case 'unsupported':
      return {
        title: 'This browser cannot play the stream',
        text: 'It has neither Media Source Extensions nor HLS of its own, or lacks the codec. A current browser can.',
        wayBack: true,
      };
  }
}
