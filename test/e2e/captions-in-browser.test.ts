import { join } from 'node:path';
import { expect, it } from 'vitest';
import { captionChannels } from '../../src/formats/captions/caption-channel.ts';
import { userDataReader } from '../../src/formats/captions/registered-user-data.ts';
import { mediaPartSamples } from '../../src/formats/cmaf/media-part-samples.ts';
import { RawConnection } from '../rtmp/raw-connection.ts';
import { openBrowser } from '../support/browser.ts';
import { captionFiller, captionSei, popOnCaption } from '../support/caption-sei.ts';
import { eventually } from '../support/condition.ts';
import { encodedAudio, encodedVideo, sendInTime, sentTogether, videoMessages } from '../support/enhanced-media.ts';
import { HlsPage } from '../support/hls-page.ts';
import { downloadSegments } from '../support/packaged-media.ts';
import { startProgram } from '../support/program.ts';
import { videoConfig } from '../support/synthetic-units.ts';

const clip = join(import.meta.dirname, '..', '..', 'media', 'demo.mp4');
const seconds = 20;
const picturesASecond = 25;

it('hls.js in Chromium shows the text of captions, which are named by the playlist, and a ladder keeps them', async () => {
  await using stack = new AsyncDisposableStack();
  const ladder = [{ stream: '*', renditions: [{ name: 'low', height: 90 }] }];
  const captions = [{ stream: 'live/said', channels: [{ channel: 'CC1' as const, language: 'en', name: 'English' }] }];
  const program = await startProgram({
    configuration: { demo: false, origin: { live: { ladder, captions, ffmpeg: { encoder: 'libx264' } } } },
  });
  stack.defer(async () => {
    await program.stop();
  });
  const browser = await openBrowser();
  stack.defer(() => browser.close());

  const picture = `movie=${clip},trim=end=${seconds},setpts=PTS-STARTPTS,fps=${picturesASecond},scale=320:180`;
  const { track, ...video } = await encodedVideo('avc', picture, { extra: '-bf 0' });
  // One a second, each with its number.
  const packets = track.packets.map((packet, index) => {
    const pair = popOnCaption(`SECOND ${Math.floor(index / picturesASecond)}`)[index % picturesASecond];
    return { ...packet, data: Buffer.concat([captionSei([pair ?? captionFiller]), packet.data]) };
  });
  const captioned = { ...track, packets };
  const messages = videoMessages('avc1', track.box('avcC') ?? new Uint8Array(0), captioned);
  const sound = await encodedAudio('aac', `sine=r=48000:d=${seconds}`);
  const media = sentTogether({ ...video, track: captioned, messages }, sound);

  const viewer = await HlsPage.open(browser, program.edgeUrl);
  const connection = await RawConnection.at('publishing', Number(new URL(program.rtmpUrl).port), 'said');
  const publishing = sendInTime(media, (message) => connection.sendMessage(message));
  // With parts hls.js 1.7 forgets at each of them what stands in an unfinished caption.
  await viewer.play('said', { settings: '{ lowLatencyMode: false, startLevel: 1 }' });
  const page = await browser.newPage();
  await page.goto(`${program.edgeUrl}/?stream=said`);
  await viewer.untilPlayed(6);
  const seen = await viewer.page.evaluate<{ label: string; language: string; texts: string[]; at: number[] }>(`(() => {
    const track = [...document.querySelector('video').textTracks].find(({ kind }) => kind === 'captions');
    const cues = [...track.cues];
    return {
      label: track.label, language: track.language,
      texts: cues.map(({ text }) => text), at: cues.map(({ startTime }) => startTime),
    };
  })()`);
  expect(seen).toMatchObject({ label: 'English', language: 'en' });
  const numbers = seen.texts.map((text) => Number(/^SECOND (\d+)$/.exec(text.trim())?.[1]));
  expect(numbers.length).toBeGreaterThan(3);
  // One after the other, a second apart.
  expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] ?? 0) + index));
  for (const [index, at] of seen.at.entries()) expect(at - (seen.at[0] ?? 0)).toBeCloseTo(index, 1);

  // The page plays with parts.
  await page.locator('.controls').hover();
  await page.locator('media-captions-menu-button').click();
  await page.getByRole('menuitemradio', { name: 'English' }).click();
  await eventually('the page shows captions', async () =>
    (await page.evaluate<string[]>(shownCaptions)).some((text) => /^SECOND \d+$/.test(text.trim())),
  );
  const said = await page.evaluate<number>(`[...document.querySelector('video').textTracks]
    .find(({ kind }) => kind === 'captions').cues.length`);
  expect(said).toBeGreaterThan(3);

  const low = `${program.edgeUrl}/live/said/low.m3u8`;
  await eventually('the ladder has segments', async () => (await fetch(low)).status === 200);
  const segments = await downloadSegments(low);
  const read = userDataReader(videoConfig);
  const samples = segments.flatMap(partsOf).flatMap((part) => mediaPartSamples(part).samples);
  const channels = samples.flatMap(({ data }) => [...(read?.(data) ?? [])].flatMap(captionChannels));
  expect(new Set(channels)).toEqual(new Set(['CC1']));
  await publishing;
  connection.end();
}, 120_000);

const shownCaptions = `[...document.querySelector('video').textTracks]
  .filter(({ kind, mode }) => kind === 'captions' && mode === 'showing')
  .flatMap(({ activeCues }) => [...activeCues].map(({ text }) => text))`;

/** Each `moof` of a segment with its `mdat`. */
function partsOf(segment: Buffer): Buffer[] {
  const starts: number[] = [];
  for (let at = 0; at < segment.length; at += segment.readUInt32BE(at)) {
    if (segment.toString('latin1', at + 4, at + 8) === 'moof') starts.push(at);
  }
  return starts.map((start, index) => segment.subarray(start, starts[index + 1] ?? segment.length));
}
