import { existsSync, accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { run } from './child-process.mjs';
import { withSetupLock } from './setup-lock.mjs';

/**
 * Programs of the machine that the tests and the benchmarks run: the real ffmpeg, a real browser, the servers to
 * compare with.
 *
 * @typedef {object} SystemProgram
 * @property {string} name in the words of a person
 * @property {readonly string[]} executables any of these on the PATH will do
 * @property {readonly string[]} [files] or, where it is no program, any of these files
 * @property {readonly string[]} debianPackages what brings it on Debian and its relatives
 */

export const programs = /** @satisfies {Record<string, SystemProgram>} */ ({
  ffmpeg: { name: 'ffmpeg', executables: ['ffmpeg'], debianPackages: ['ffmpeg'] },
  ffprobe: { name: 'ffprobe', executables: ['ffprobe'], debianPackages: ['ffmpeg'] },
  chromium: {
    name: 'Chromium',
    executables: ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'],
    debianPackages: ['chromium', 'fonts-dejavu-core'],
  },
  rtmpdump: { name: 'rtmpdump', executables: ['rtmpdump'], debianPackages: ['rtmpdump'] },
  nginx: { name: 'nginx', executables: ['nginx'], debianPackages: ['nginx'] },
  nginxRtmp: {
    name: 'the RTMP module of nginx',
    executables: [],
    files: ['/usr/lib/nginx/modules/ngx_rtmp_module.so', '/usr/share/nginx/modules/ngx_rtmp_module.so'],
    debianPackages: ['libnginx-mod-rtmp'],
  },
  gcc: { name: 'a C compiler (gcc)', executables: ['gcc'], debianPackages: ['gcc', 'libc6-dev'] },
});

/** What only the benchmarks need. */
export const benchPrograms = /** @satisfies {Record<string, SystemProgram>} */ ({
  varnish: { name: 'Varnish', executables: ['varnishd'], debianPackages: ['varnish'] },
  opensslHeaders: {
    name: 'the headers of OpenSSL',
    executables: [],
    files: ['/usr/include/openssl/ssl.h'],
    debianPackages: ['libssl-dev'],
  },
});

/** @type {readonly SystemProgram[]} */
export const programsForTests = Object.values(programs);

/**
 * Finds the programs, and installs those that are missing where that needs no question: apt-get is there, and this is
 * root or sudo asks for no password.
 *
 * @param {readonly SystemProgram[]} wanted
 * @returns {Promise<string[]>} a sentence for each program that is still missing
 */
export async function provide(wanted) {
  if (wanted.every(isThere)) return [];
  return withSetupLock(async () => {
    const missing = wanted.filter((program) => !isThere(program));
    if (missing.length === 0) return [];
    const packages = [...new Set(missing.flatMap((program) => program.debianPackages))];
    const reason = await install(packages);
    return missing
      .filter((program) => !isThere(program))
      .map((program) => `${program.name} is missing: install ${program.debianPackages.join(' and ')} (${reason})`);
  });
}

/** @param {SystemProgram} program */
function isThere(program) {
  return (
    program.executables.some((name) => findProgram(name) !== undefined) ||
    (program.files ?? []).some((file) => existsSync(file))
  );
}

/**
 * The path of an executable. Debian keeps servers in sbin, which is not on every user's PATH.
 *
 * @param {string} name
 * @returns {string | undefined} undefined when it is not installed
 */
export function findProgram(name) {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  return folders
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/**
 * A server that comes as a package must not start: neither now nor with the machine. `policy-rc.d` is Debian's way to
 * say so to the scripts of the packages.
 */
const installScript = `
set -e
if [ ! -e /usr/sbin/policy-rc.d ]; then
  trap 'rm -f /usr/sbin/policy-rc.d' EXIT
  printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d
  chmod 755 /usr/sbin/policy-rc.d
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install -y --no-install-recommends "$@"
for package in "$@"; do
  case "$package" in
    nginx | varnish) if [ -d /run/systemd/system ]; then systemctl disable "$package"; fi ;;
  esac
done
`;

/**
 * @param {readonly string[]} packages
 * @returns {Promise<string>} why something may still be missing
 */
async function install(packages) {
  if (findProgram('apt-get') === undefined) return 'there is no apt-get to install it with';
  const root = process.getuid?.() === 0;
  if (!root) {
    const sudo = await run('sudo', ['-n', 'true'], { deadlineMs: 10_000 });
    if (!sudo.succeeded) return 'this is not root and sudo asks for a password';
  }
  process.stdout.write(`Installing ${packages.join(', ')} …\n`);
  const shell = ['sh', '-c', installScript, 'install', ...packages];
  const [command = 'sh', ...args] = root ? shell : ['sudo', '-n', ...shell];
  const result = await run(command, args, { deadlineMs: 900_000 });
  if (result.succeeded) return 'apt-get brought no such program';
  process.stdout.write(`${result.output.trim()}\n`);
  return `apt-get failed: ${result.ending}`;
}
