import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/base/errors.ts';
import { type ConfigurationFlags, loadConfiguration } from '../../src/cli/configuration.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'streamfront-config-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function file(text: string): string {
  const path = join(folder, 'streamfront.yaml');
  writeFileSync(path, text);
  return path;
}

function findings(text: string, flags: ConfigurationFlags = {}): readonly string[] {
  try {
    loadConfiguration({ config: file(text), ...flags });
  } catch (error) {
    if (error instanceof ConfigError) return error.findings;
    throw error;
  }
  throw new Error('the configuration was accepted');
}

describe('loadConfiguration', () => {
  it('gives the defaults for an empty file', () => {
    const { configuration, originsConfigured } = loadConfiguration({ config: file('') });
    expect(configuration.roles).toEqual(['origin', 'edge']);
    expect(configuration.origin.live.windowMs).toBe(60_000);
    expect(configuration.edge.cache.memoryBytes).toBe(536_870_912);
    expect(originsConfigured).toBe(false);
  });

  it('takes one place to push a stream to as a text, several as a list, and says of neither what it holds', () => {
    const restream = (to: string) => `origin: { live: { restream: [{ stream: live/stage, to: ${to} }] } }`;
    const { configuration } = loadConfiguration({ config: file(restream("'rtmp://a.example/app/key'")) });
    expect(configuration.origin.live.restream[0]?.to).toEqual(['rtmp://a.example/app/key']);
    expect(findings(restream("'https://a.example/their-key'"))).toEqual([
      'line 1: origin.live.restream[0].to: write rtmp://HOST[:PORT]/APP/NAME or rtmps://HOST[:PORT]/APP/NAME, with ?KEY if need be',
    ]);
    expect(findings(restream("['rtmp://a.example/app/key', 'their-key']"))).toEqual([
      expect.stringMatching(/^line 1: origin\.live\.restream\[0\]\.to\[1\]: write rtmp:/),
    ]);
    expect(findings(restream('[]'))).toEqual(['line 1: origin.live.restream[0].to: must have at least 1 entry']);
    expect(findings(restream('{ their-key: 1 }')).join()).not.toContain('their-key');
  });

  it('lets a flag beat the file', () => {
    const { configuration } = loadConfiguration({
      config: file('edge: { http: { port: 9000 } }\ndata: there\n'),
      httpPort: 9100,
      data: 'here',
      role: ['edge'],
    });
    expect(configuration.edge.http.port).toBe(9100);
    expect(configuration.data).toBe('here');
    expect(configuration.roles).toEqual(['edge']);
  });

  it('reports everything that is wrong at once, with line, setting and what to write', () => {
    const found = findings(
      [
        'edge:',
        '  cache:',
        '    memry: 1GiB',
        '  http:',
        '    port: 99999',
        'origin:',
        '  live:',
        '    window: 60 parsecs',
        '  publish:',
        '    auth: maybe',
        '    keys:',
        '      - key: short',
      ].join('\n'),
    );
    expect(found).toEqual([
      'line 3: edge.cache.memry: there is no such setting; did you mean memory?',
      'line 5: edge.http.port: must be at most 65535, not 99999',
      'line 8: origin.live.window: "60 parsecs" is not a duration: write a number and ms, s, m, h or d, such as 6s',
      'line 10: origin.publish.auth: must be loopback or key or hook or none, not "maybe"',
      'line 12: origin.publish.keys[0].key: must have at least 8 characters',
    ]);
  });

  it('says of a setting that can have several forms which there are, or what is wrong with the one that was meant', () => {
    const found = findings(
      [
        'origin:',
        '  live:',
        '    ladder:',
        '      - { stream: live/a, renditions: [180p, { name: tiny }, { name: tiny, hieght: 3, height: x }] }',
        '    encryption:',
        '      - { stream: live/a, method: AES-128, rotate: 10x, keys: { url: "there" } }',
        '      - { stream: live/b, method: AES-128, keys: { uri: "there" } }',
      ].join('\n'),
    );
    expect(found).toEqual([
      'line 4: origin.live.ladder[0].renditions[0]: must be 2160p or 1440p or 1080p or 720p or 480p or 360p or 240p or audio or a group of settings, not "180p"',
      'line 4: origin.live.ladder[0].renditions[1].height: is missing; it must be a number',
      'line 4: origin.live.ladder[0].renditions[2].height: must be a number, not "x"',
      'line 4: origin.live.ladder[0].renditions[2].hieght: there is no such setting',
      'line 6: origin.live.encryption[0].keys.url: write http://… or https://…, with {name}, {id} or {number} where they belong',
      'line 6: origin.live.encryption[0].rotate: "10x" is not a duration: write a number and ms, s, m, h or d, such as 6s',
      'line 7: origin.live.encryption[1].keys: cannot be a group of settings like this: none of the allowed forms fits',
    ]);
  });

  it('names the line of a finding', () => {
    expect(findings('\n\nedge:\n  cache:\n    memory: 5 apples\n')[0]).toMatch(/^line 5: edge\.cache\.memory: /);
  });

  it('never repeats a stream key in a finding', () => {
    const found = findings('origin:\n  publish:\n    keys:\n      - key: s3cr3t\n      - key: 76543210\n');
    expect(found).toHaveLength(2);
    expect(found.join('\n')).not.toMatch(/s3cr3t|7654/);
  });

  it('never repeats a secret that stands where it does not belong', () => {
    const texts = [
      'origin: { access: { kind: signed, secrets: [SECRET-1] } }',
      'origin: { access: { kind: signed, secrets: SECRET-2 } }',
      'origin: { publish: { keys: [SECRET-3], hook: SECRET-4 } }',
      'edge: { origins: { main: { url: "http://h", sign: SECRET-5, headers: { X-A: [SECRET-6] } } } }',
      'edge: { origins: { main: { url: "http://me:SECRET-7@h" } } }',
      'edge: { origins: { main: { url: "http://h?SECRET-8" } } }',
      'origin: { live: { encryption: [{ stream: a, method: AES-128, keys: { url: "http://me:SECRET-9@h/{name}" } }] } }',
    ];
    for (const text of texts)
      expect([text, findings(text).join()]).toEqual([text, expect.not.stringContaining('SECRET')]);
  });

  it('says what of access to an origin does not go together', () => {
    expect(findings('origin: { access: { kind: signed } }')[0]).toContain('origin.access.secrets: kind is "signed"');
    expect(findings('origin: { access: { secrets: [{ env: A }] } }')[0]).toContain('has no effect');
    expect(findings('origin: { access: { kind: signed, secrets: [{ env: A, file: b }] } }')[0]).toContain(
      'write either',
    );
    expect(findings('origin: { access: { kind: mtls, clientCa: a } }')[0]).toContain('nothing listens with TLS');
    const main = 'edge: { origins: { main: { url: "https://h", key: a } } }';
    expect(findings(main)[0]).toContain('edge.origins.main.certificate: is missing');
    expect(findings('edge: { origins: { main: { url: "http://h", certificate: a, key: b } } }')[0]).toContain(
      'no effect',
    );
  });

  it('says where YAML is broken, and not what stands there', () => {
    expect(findings('edge: {http: [}')[0]).toContain('line 1');
    for (const text of ['- a\nx: SECRET', 'a: |SECRET\n  x', 'a: *SECRET\n', 'a: "SECRET\nb: c']) {
      expect([text, findings(text).join()]).toEqual([text, expect.not.stringContaining('SECRET')]);
    }
    expect(findings('a: *b\n')[0]).toContain('between quotes');
  });

  it('names an origin that a behaviour asks for and that does not exist', () => {
    const text = 'edge:\n  distributions:\n    - name: a\n      behaviours: [{ path: "*", origin: nowhere }]\n';
    expect(findings(text)[0]).toContain('there is no origin "nowhere" in edge.origins (there: main)');
  });

  it('refuses an ingest that others can reach without a credential', () => {
    expect(findings('origin: { rtmp: { host: 0.0.0.0 } }').join()).toMatch(/origin\.publish/);
    const open = 'origin: { rtmp: { host: 0.0.0.0 }, publish: { auth: none } }';
    expect(loadConfiguration({ config: file(open) }).configuration.origin.publish.auth).toBe('none');
    const keyed = 'origin: { rtmp: { host: 0.0.0.0 }, publish: { keys: [{ key: long-enough-key }] } }';
    expect(loadConfiguration({ config: file(keyed) }).configuration.origin.publish.keys).toHaveLength(1);
  });

  it('reads certificate and key of a role that runs, and says what is wrong with them', () => {
    const text = `origin: { rtmps: { port: 4443, certificate: ${folder}/a.crt, key: ${folder}/a.key } }`;
    expect(findings(text)).toEqual([
      `origin.rtmps.certificate: there is no file ${folder}/a.crt`,
      `origin.rtmps.key: there is no file ${folder}/a.key`,
    ]);
    expect(loadConfiguration({ config: file(text), role: ['edge'] }).configuration.roles).toEqual(['edge']);
  });

  it('wants to be told what happens when the publish hook fails, and never repeats its secret', () => {
    const hook = 'url: https://example.org/hook, secret: short-secret';
    const found = findings(`origin: { publish: { auth: hook, hook: { ${hook} } } }`);
    expect(found.join('\n')).toMatch(/origin\.publish\.hook\.secret: must have at least 16 characters/);
    expect(found.join('\n')).toMatch(/origin\.publish\.hook\.onFailure: must be open or closed/);
    expect(found.join('\n')).not.toContain('short-secret');
    expect(findings('origin: { publish: { auth: hook } }').join()).toContain('there is no origin.publish.hook');
    const signedIn = 'url: https://me:pw@example.org/, secret: long-enough-secret, onFailure: open';
    expect(findings(`origin: { publish: { hook: { ${signedIn} } } }`).join()).toContain('user name or password');
  });

  it('refuses an edge that others can publish to without a credential', () => {
    expect(findings('edge: { rtmp: { host: 0.0.0.0 } }').join()).toMatch(/edge\.rtmp\.host .*edge\.publish\.keys/);
    const origin = 'roles: [origin]\nedge: { rtmp: { host: 0.0.0.0 } }';
    expect(loadConfiguration({ config: file(origin) }).configuration.roles).toEqual(['origin']);
  });

  it('gives --rtmp-port to the edge where it runs, else to the origin', () => {
    const ports = (role: ConfigurationFlags['role'], flags: ConfigurationFlags = {}) => {
      const roles = role === undefined ? {} : { role };
      const { edge, origin } = loadConfiguration({
        config: file(''),
        rtmpPort: 5000,
        ...roles,
        ...flags,
      }).configuration;
      return [edge.rtmp.port, origin.rtmp.port];
    };
    expect(ports(undefined)).toEqual([5000, 1936]);
    expect(ports(['edge'])).toEqual([5000, 1936]);
    expect(ports(['origin'])).toEqual([1935, 5000]);
    expect(ports(undefined, { originRtmpPort: 6000 })).toEqual([5000, 6000]);
  });

  it('never repeats what may be a key in the addresses of other servers', () => {
    const found = findings(
      [
        'origin: { live: { restream: [{ stream: "live/*", to: ["rtmp://h/SECRET-1"] }, { stream: x, to: "h/a/SECRET-2" }, { stream: y, to: 7 }] } }',
        'edge: { origins: { main: { url: "http://h", rtmp: "rtmp://h/x?key=SECRET-3" } } }',
      ].join('\n'),
    );
    for (const setting of [
      'restream[0].to[0]: write rtmp://',
      'restream[1].to: write rtmp://',
      'main.rtmp: write rtmp://',
    ]) {
      expect(found.join()).toContain(setting);
    }
    expect(found.join()).not.toContain('SECRET');
  });

  it('refuses two listeners on one port', () => {
    expect(findings('edge: { http: { port: 8081 } }').join()).toBe(
      'edge.http.port: 8081 is also origin.http.port; give one of them another',
    );
  });

  it('names a configuration file that is not there', () => {
    expect(() => loadConfiguration({ config: join(folder, 'absent.yaml') })).toThrow(/absent\.yaml/);
  });
});
