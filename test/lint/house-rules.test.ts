import { execFile } from 'node:child_process';
import { copyFile, cp, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/**
 * The floors and the purity are lint rules by path. Two trees with the layout of the project stand in `fixtures/`:
 * each file in `broken/` breaks one rule, its twin in `clean/` does the same thing as the house allows it. Both are
 * linted in a temporary folder, with the project's own configuration, as if they were the project.
 */
const projectFolder = join(import.meta.dirname, '../..');
const fixturesFolder = join(import.meta.dirname, 'fixtures');

const brokenFiles: Record<string, string[]> = {
  'eslint(no-restricted-imports)': [
    'player/src/node.ts',
    'player/src/program.ts',
    'src/base/node-module.ts',
    'src/base/upward.ts',
    'src/cli/player.ts',
    'src/control/other-role.ts',
    'src/edge/lazy.ts',
    'src/edge/other-role.ts',
    'src/edge/re-export.ts',
    'src/formats/flv/package.ts',
    'src/formats/flv/upward-same-name.ts',
    'src/formats/flv/upward.ts',
    'src/http/sideways.ts',
    'src/live/sideways.ts',
    'src/live/upward.ts',
    'src/observe/upward-type.ts',
    'src/origin/other-role.ts',
    'src/origin/upward.ts',
    'src/policy/upward.ts',
    'src/rtmp/sideways.ts',
    'src/sockets/upward.ts',
    'src/stores/upward.ts',
  ],
  'import(no-cycle)': ['src/stores/circle-half.ts', 'src/stores/circle.ts'],
  'eslint(no-restricted-globals)': [
    'src/base/date-now.ts',
    'src/formats/flv/new-date.ts',
    'src/policy/buffer.ts',
    'src/policy/crypto.ts',
    'src/policy/fetch.ts',
    'src/policy/global-date.ts',
    'src/policy/performance.ts',
    'src/policy/process.ts',
    'src/policy/set-immediate.ts',
    'src/policy/set-interval.ts',
    'src/policy/set-timeout.ts',
  ],
  'eslint(no-restricted-properties)': [
    'src/base/math-random-taken-apart.ts',
    'src/policy/abort-timeout.ts',
    'src/policy/math-random.ts',
  ],
};

let workFolder: string;
const findings: Record<'broken' | 'clean', string[]> = { broken: [], clean: [] };

beforeAll(async () => {
  workFolder = await mkdtemp(join(tmpdir(), 'streamfront-lint-'));
  for (const tree of ['broken', 'clean'] as const) {
    findings[tree] = await lintAsProject(tree);
  }
});

afterAll(async () => {
  await rm(workFolder, { recursive: true, force: true });
});

describe('.oxlintrc.json', () => {
  for (const [rule, files] of Object.entries(brokenFiles)) {
    for (const file of files) {
      it(`reports ${rule} for a break of the house in ${file}`, () => {
        expect(findings.broken).toContain(`${rule} ${file}`);
      });
    }
  }

  it('reports nothing else about the broken files, so that each stands for one rule', () => {
    const expected = Object.entries(brokenFiles).flatMap(([rule, files]) => files.map((file) => `${rule} ${file}`));
    expect(findings.broken.toSorted()).toEqual(expected.toSorted());
  });

  it('reports nothing about the clean twins', () => {
    expect(findings.clean).toEqual([]);
  });
});

/** Lints one tree of fixtures in a folder of its own and gives `RULE FILE` for each finding. */
async function lintAsProject(tree: 'broken' | 'clean'): Promise<string[]> {
  const folder = join(workFolder, tree);
  await cp(join(fixturesFolder, tree), folder, { recursive: true });
  for (const file of ['.oxlintrc.json', 'tsconfig.json', 'package.json']) {
    await copyFile(join(projectFolder, file), join(folder, file));
  }
  await symlink(join(projectFolder, 'node_modules'), join(folder, 'node_modules'), 'junction');
  const oxlint = join(projectFolder, 'node_modules/oxlint/bin/oxlint');
  const output = await new Promise<string>((resolve, reject) => {
    execFile(process.execPath, [oxlint, '--format', 'json'], { cwd: folder }, (error, stdout, stderr) => {
      // Findings make it end with 1; without a report on its standard output it did not lint at all.
      if (stdout.startsWith('{')) resolve(stdout);
      else reject(new Error(`oxlint did not run: ${stderr || stdout}`, { cause: error }));
    });
  });
  const report = JSON.parse(output) as { diagnostics: { code: string; filename: string }[]; number_of_files: number };
  if (report.number_of_files === 0) throw new Error('oxlint found no file to lint');
  return report.diagnostics.map(({ code, filename }) => `${code} ${filename}`);
}
