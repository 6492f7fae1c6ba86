import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { eventually } from './condition.ts';
import { frameNumberInPage } from './frame-counter.ts';

// What runs in the page stands here as text: it speaks of a DOM that the types of this program do not know.

/** What the page says of its player, read off the element that carries it. */
export function playerState(page: Page): Promise<Readonly<Record<string, string | undefined>>> {
  return page.evaluate<Record<string, string>>("({ ...document.querySelector('.player')?.dataset })");
}

export async function untilPlaying(page: Page): Promise<void> {
  await eventually('it plays', async () => (await playerState(page))['state'] === 'playing', 30_000);
}

export function currentTime(page: Page): Promise<number> {
  return page.evaluate<number>("document.querySelector('video').currentTime");
}

/** The number that the clip shows in black and white squares (media/README.md), or null while it shows none. */
export function frameNumber(page: Page): Promise<number | null> {
  return page.evaluate<number | null>(`${frameNumberInPage}(document.querySelector('video'))`);
}

/** Sizes and themes in which what lies over the picture is looked at. */
export const pageAppearances = [
  { theme: 'light', size: 'desktop', width: 1_280, height: 800 },
  { theme: 'dark', size: 'desktop', width: 1_280, height: 800 },
  { theme: 'light', size: 'phone', width: 390, height: 844 },
  { theme: 'dark', size: 'phone', width: 390, height: 844 },
] as const;

/** A picture of the page goes to artifacts/`name`.png. */
export async function expectWithinPicture(page: Page, menuSelector: string, name: string): Promise<void> {
  const player = await page.locator('.player').boundingBox();
  const menu = await page.locator(menuSelector).boundingBox();
  await page.screenshot({ path: join(import.meta.dirname, '..', '..', 'artifacts', `${name}.png`) });
  if (player === null || menu === null) throw new Error('the menu is not there');
  expect(menu.x).toBeGreaterThanOrEqual(player.x);
  expect(menu.y).toBeGreaterThanOrEqual(player.y);
  expect(menu.x + menu.width).toBeLessThanOrEqual(player.x + player.width + 1);
  expect(menu.y + menu.height).toBeLessThanOrEqual(player.y + player.height + 1);
}
