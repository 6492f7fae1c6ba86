import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium } from 'playwright-core';
import { findProgram } from '../../scripts/system-programs.mjs';

/** Nothing in the background that would ask the network, and a sandbox that root can go without. */
const chromiumArguments = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** The system's Chromium with a new profile. Closing the context ends it and removes the profile. */
export async function openBrowser(viewport = { width: 1_280, height: 800 }): Promise<BrowserContext> {
  const executablePath = findProgram('chromium');
  if (executablePath === undefined) throw new Error('chromium is not installed: the tests play streams in it');
  const profile = mkdtempSync(join(tmpdir(), 'streamfront-chromium-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    headless: true,
    args: chromiumArguments,
    viewport,
  });
  context.on('close', () => rmSync(profile, { recursive: true, force: true, maxRetries: 5 }));
  return context;
}
