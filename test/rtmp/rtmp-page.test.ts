import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..', '..');
const page = readFileSync(join(root, 'docs', 'rtmp.md'), 'utf8');
const [, trouble = ''] = page.split('## When something is wrong');

/** All that these files say with what `pattern` catches. */
function said(pattern: RegExp, ...files: readonly string[]): string[] {
  const texts = globSync(files, { cwd: root }).map((file) => readFileSync(join(root, file), 'utf8'));
  return [...new Set(texts.flatMap((text) => [...text.matchAll(pattern)].map((match) => match[1] ?? '')))].sort();
}

const literal = /'([A-Z][A-Z0-9]{4,}|[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)'/g;

/** What Node, OpenSSL, HTTP and the codecs call something of theirs. */
const foreign = /^(?:E[A-Z]+|EAI_.*|ERR_.*|CERT_.*|UNABLE_.*|DEPTH_.*|SELF_.*|OPTIONS|ADPCM|RTMPS)$/;

/** Codes of what speaks RTMP and FLV, wherever they come from; other folders have codes of HTTP besides. */
const ofRtmp = /^(?:PLAY|PLAYER|PUBLISH|RELAY|RESTREAM|RTMPS?|TLS|FLV)_/;

describe('docs/rtmp.md', () => {
  it('explains every code that RTMP, RTMPS and FLV can give, and no other', () => {
    const formats = ['aac', 'ac3', 'amf0', 'av1', 'avc', 'flac', 'flv', 'hevc', 'mp3', 'opus', 'rtmp', 'vp9'];
    const own = ['src/rtmp/*.ts', 'src/live/*.ts', 'src/base/*-reader.ts', `src/formats/{${formats.join()}}/*.ts`];
    const codes = [
      ...said(literal, ...own).filter((code) => !foreign.test(code)),
      ...said(
        literal,
        'src/{edge,origin,http,policy}/*.ts',
        'src/edge/limits/*.ts',
        'src/edge/stored/stored-plays.ts',
      ).filter((code) => ofRtmp.test(code)),
    ];
    expect(codes.length).toBeGreaterThan(90);
    const explained = [...trouble.matchAll(/`([A-Z][A-Z0-9]{4,}|[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)`/g)].map(
      (match) => match[1] ?? '',
    );
    expect([...new Set(explained)].sort()).toEqual([...new Set(codes)].sort());
  });

  it('explains every status that is sent, and no other', () => {
    const status = /'(Net(?:Stream|Connection)\.[A-Za-z.]+)'/g;
    // What other servers say: it is understood and never sent.
    const heard = new Set(['NetStream.Play.Complete']);
    const sent = said(status, 'src/**/*.ts').filter((code) => !heard.has(code));
    const explained = [...trouble.matchAll(/`(Net(?:Stream|Connection)\.[A-Za-z.]+)`/g)].map((match) => match[1] ?? '');
    expect(explained.sort()).toEqual(sent);
  });

  it('leads to pages and headings that are there', () => {
    for (const [, target = ''] of page.matchAll(/\]\((?!https)([^)]+)\)/g)) {
      if (target.startsWith('#')) {
        expect(page.toLowerCase()).toContain(`## ${target.slice(1).replaceAll('-', ' ')}\n`);
      } else expect(globSync(`docs/${target}`, { cwd: root })).toHaveLength(1);
    }
  });
});
