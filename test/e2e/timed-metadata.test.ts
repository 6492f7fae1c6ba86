import { join } from 'node:path';
import { expect, it } from 'vitest';
import { amf0Object } from '../../src/formats/amf0/value.ts';
import { encodeDataMessage } from '../../src/formats/rtmp/data-message.ts';
import { RawConnection } from '../rtmp/raw-connection.ts';
import { openBrowser } from '../support/browser.ts';
import { eventually } from '../support/condition.ts';
import { encodedAudio, encodedVideo, sendInTime, sentTogether } from '../support/enhanced-media.ts';
import { clipFramesPerSecond } from '../support/frame-counter.ts';
import { HlsPage } from '../support/hls-page.ts';
import { startProgram } from '../support/program.ts';

const clip = join(import.meta.dirname, '..', '..', 'media', 'demo.mp4');
const seconds = 20;

interface Cue {
  readonly startTime: number;
  readonly text: string;
}

it('hls.js in Chromium tells its page of each data message at the picture with which it was sent, of MPEG-TS too', async () => {
  await using stack = new AsyncDisposableStack();
  const program = await startProgram({ configuration: { demo: false } });
  stack.defer(async () => {
    await program.stop();
  });
  const browser = await openBrowser();
  stack.defer(() => browser.close());
  // One a second, each with the number of the frame that is shown then.
  const data = Array.from({ length: seconds }, (_, second) => {
    const frame = second * clipFramesPerSecond + 15;
    const timestampMs = Math.round((frame * 1_000) / clipFramesPerSecond);
    return encodeDataMessage({ name: 'onTextData', args: [amf0Object({ frame })] }, 1, timestampMs);
  });
  const picture = `movie=${clip},trim=end=${seconds},setpts=PTS-STARTPTS,fps=25,scale=320:180`;
  const encoded = sentTogether(
    await encodedVideo('avc', picture),
    await encodedAudio('aac', `sine=r=48000:d=${seconds}`),
  );
  const media = [...encoded, ...data].sort((a, b) => a.timestampMs - b.timestampMs);
  const viewer = await HlsPage.open(browser, program.edgeUrl);
  const connection = await RawConnection.at('publishing', Number(new URL(program.rtmpUrl).port), 'cues');
  const publishing = sendInTime(media, (message) => connection.sendMessage(message));
  const setUp = `window.parsed = 0;
    hls.on(Hls.Events.FRAG_PARSING_METADATA, (_, { samples }) => { window.parsed += samples.length; });`;
  const transport = await HlsPage.open(browser, program.edgeUrl);
  await viewer.play('cues', { setUp });
  await viewer.untilPlayed(6);
  await transport.play('cues', { setUp, playlist: 'ts.m3u8' });
  await transport.untilPlayed(6);
  await publishing;
  connection.end();
  for (const each of [viewer, transport]) await expectCues(each);
}, 120_000);

async function expectCues(viewer: HlsPage): Promise<void> {
  expect(await viewer.page.evaluate<number>('window.parsed')).toBeGreaterThan(5);
  const cues = await viewer.page.evaluate<Cue[]>(`(() => {
    const track = [...document.querySelector('video').textTracks].find(({ kind }) => kind === 'metadata');
    return [...track.cues].map(({ startTime, value }) => ({ startTime, text: value.info + ' ' + value.data }));
  })()`);
  expect(cues.length).toBeGreaterThan(5);
  for (const { startTime, text } of cues.slice(-4, -1)) {
    const said = Number(/^onTextData \{"frame":(\d+)\}$/.exec(text)?.[1]);
    const at = startTime + 0.001;
    await viewer.page.evaluate(`(() => {
      const video = document.querySelector('video');
      video.pause();
      video.currentTime = ${at};
    })()`);
    await eventually('the picture is there', async () =>
      viewer.page.evaluate<boolean>(
        `(({ seeking, readyState, currentTime }) => !seeking && readyState >= 2 && Math.abs(currentTime - ${at}) < 0.001)(document.querySelector('video'))`,
      ),
    );
    // Chromium may still show the picture from before when it has sought; that of the cue before is thirty of them away.
    // Pictures are shown up to two of their own later than they are decoded, where there are B-frames.
    await eventually(`the picture of ${text} is shown`, async () => {
      const { frame } = await viewer.seen();
      return Math.abs((frame ?? Infinity) - said) < 4;
    });
  }
}
