import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getSignedCookies, getSignedUrl } from '@aws-sdk/cloudfront-signer';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKeyIn } from '../../src/cli/keys.ts';
import { sign } from '../../src/cli/sign.ts';
import { keysFolder, readKeyStore } from '../../src/stores/keys/key-store.ts';
import { writtenBy } from '../cli/written-by.ts';
import { openBrowser } from '../support/browser.ts';
import { eventually } from '../support/condition.ts';
import { packetHashes } from '../support/ffmpeg.ts';
import { currentTime, frameNumber, playerState, untilPlaying } from '../support/player-page.ts';
import { type RunningProgram, startProgram } from '../support/program.ts';

let parent: string;
let data: string;
let program: RunningProgram;
let browser: BrowserContext;

beforeAll(async () => {
  parent = mkdtempSync(join(tmpdir(), 'signed-viewing-'));
  data = join(parent, 'data');
  await writtenBy(() => createKeyIn({ data, group: 'viewers', type: 'ecdsa' }));
  const live = { query: ['_HLS_msn', '_HLS_part', '_HLS_skip'], disk: false };
  program = await startProgram({
    configuration: {
      demo: true,
      edge: {
        distributions: [
          {
            name: 'site',
            behaviours: [
              { path: '/live/*', ...live, trustedKeyGroups: ['viewers'], carryGrants: 'query' },
              { path: '*' },
            ],
          },
        ],
      },
    },
    flags: ['--data', data],
  });
  browser = await openBrowser();
});

afterAll(async () => {
  await browser.close();
  await program.stop();
  rmSync(parent, { recursive: true, force: true });
});

const playlist = (): string => `${program.edgeUrl}/live/demo/index.m3u8`;

/** What an application gives to the signer of AWS: the id, and the private key that `streamfront keys` has written. */
function credentials() {
  const [key] = readKeyStore(keysFolder(data)).groups.get('viewers') ?? [];
  if (key?.privateFile === undefined) throw new Error('no key was made');
  return { keyPairId: key.id, privateKey: readFileSync(key.privateFile, 'utf8'), algorithm: 'SHA256' as const };
}

const inAMinute = (): Date => new Date(Date.now() + 60_000);

/** The page of the demo, played until pictures move that show the numbers of the clip. */
async function watch(page: Page, query: string): Promise<void> {
  await page.goto(`${program.edgeUrl}/?stream=demo${query}`);
  await untilPlaying(page);
  const [begin, firstFrame] = [await currentTime(page), await frameNumber(page)];
  expect(firstFrame).not.toBeNull();
  await eventually('it plays on', async () => (await currentTime(page)) > begin + 2, 20_000);
  expect(await frameNumber(page)).not.toBe(firstFrame);
}

describe('a stream for those who have a grant by a key of `streamfront keys`', () => {
  it('is played by the player page and by ffmpeg from what `streamfront sign` writes', async () => {
    const { standardOutput } = await writtenBy(() => sign(playlist(), { data, hash: 'sha256', expires: '10m' }));
    const url = new URL(standardOutput.trim());
    await eventually('the demo is live', async () => (await fetch(url)).status === 200, 20_000);
    expect((await fetch(playlist())).status).toBe(403);
    const { video } = await packetHashes(url.href, ['-t', '2']);
    expect(video.length).toBeGreaterThan(40);
    const page = await browser.newPage();
    await watch(page, `&${url.search.slice(1)}`);
    await page.close();
  });

  it('is played by the page from a URL and from cookies of the signer of AWS, and not without', async () => {
    const without = await browser.newPage();
    const refused = without.waitForResponse((response) => response.url().startsWith(playlist()));
    await without.goto(`${program.edgeUrl}/?stream=demo`);
    expect((await refused).status()).toBe(403);
    await without.close();

    const url = new URL(getSignedUrl({ url: playlist(), dateLessThan: inAMinute(), ...credentials() }));
    const byUrl = await browser.newPage();
    await watch(byUrl, `&${url.search.slice(1)}`);
    await byUrl.close();

    const policy = JSON.stringify({
      Statement: [
        {
          Resource: `${program.edgeUrl}/live/*`,
          Condition: { DateLessThan: { 'AWS:EpochTime': Math.ceil(inAMinute().getTime() / 1_000) } },
        },
      ],
    });
    const cookies = Object.entries(getSignedCookies({ policy, ...credentials() }));
    await browser.addCookies(cookies.map(([name, value]) => ({ name, value: String(value), url: program.edgeUrl })));
    const byCookies = await browser.newPage();
    await watch(byCookies, '');
    // The library has the list of streams by cookies too.
    await byCookies.goto(program.edgeUrl);
    await byCookies.getByRole('link', { name: /demo/ }).waitFor();
    expect((await playerState(byCookies))['state']).toBeUndefined();
  });
});
