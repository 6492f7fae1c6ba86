import { defineConfig } from 'vitest/config';

/**
 * Three kinds of test. Unit tests touch nothing outside their process. Integration tests open sockets or run
 * programs; their files end in `.integration.test.ts` or stand in a folder below. End-to-end tests run the real
 * program against real programs. These two mostly wait for programs, so `npm test` runs three and four of their files at a time;
 * but those that look at how long something takes run one at a time, so that their clocks can be trusted on a small
 * machine.
 */
const integration = [
  'test/**/*.integration.test.ts',
  'test/{http,rtmp,origin,edge,control,observe,cli,lint,scripts}/**/*.test.ts',
];
const endToEnd = ['test/e2e/**/*.test.ts'];
/** Where an origin runs. */
const judgingPlaylists = 'test/support/judging-playlists-of-tests.ts';
const oneAtATime = ['test/e2e/{languages-in-browser,player-page,start}.test.ts'];

export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    retry: 0,
    allowOnly: false,
    passWithNoTests: false,
    setupFiles: ['test/support/overwriting-freed-memory.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts', 'player/**/*.test.ts'],
          exclude: ['**/node_modules/**', '**/dist/**', ...integration, ...endToEnd],
          testTimeout: 10_000,
          // They leave nothing behind, and half of their time was in starting a process for each file.
          isolate: false,
        },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: integration,
          setupFiles: [judgingPlaylists],
          testTimeout: 60_000,
          hookTimeout: 30_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: endToEnd,
          exclude: oneAtATime,
          testTimeout: 120_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e-one-at-a-time',
          include: oneAtATime,
          testTimeout: 120_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
