import { describe, expect, it } from 'vitest';
import { ProtocolError } from '../../../src/base/errors.ts';
import { openStoredMedia } from '../../../src/formats/stored-media/open.ts';
import { StoredBytes } from '../../support/stored-bytes.ts';

function bytesOf(text: string, length = 4_096): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let index = 0; index < length; index++) bytes[index] = text.charCodeAt(index % text.length) & 0xff;
  return bytes;
}

function opening(bytes: Uint8Array): () => unknown {
  return () => new StoredBytes(bytes).read(openStoredMedia(bytes.length));
}

describe('openStoredMedia', () => {
  it.each([
    ['\x1a\x45\xdf\xa3\x9f', 'Matroska or WebM'],
    ['OggS\0', 'Ogg'],
    ['RIFF\x24\0\0\0AVI LIST', 'AVI'],
    ['RIFF\x24\0\0\0WAVEfmt ', 'WAV'],
    ['\xff\xf1\x50\x80', 'AAC without a container'],
    ['#EXTM3U\n', 'a playlist'],
    ['<!doctype html>', 'an HTML or XML document'],
    ['\x30\x26\xb2\x75\x8e\x66', 'Windows Media'],
  ])('names what %j is instead, and what to do', (beginning, name) => {
    expect(opening(bytesOf(beginning))).toThrow(ProtocolError);
    expect(opening(bytesOf(beginning))).toThrow(name);
    expect(opening(bytesOf(beginning))).toThrow('convert it');
  });

  it('knows a transport stream by its packets', () => {
    const bytes = new Uint8Array(188 * 8);
    for (let at = 0; at < bytes.length; at += 188) bytes[at] = 0x47;
    expect(opening(bytes)).toThrow('an MPEG transport stream');
  });

  it('says how a file begins that is nothing it knows', () => {
    expect(opening(bytesOf('\x01\x02\x03'))).toThrow('begins with 01 02 03 01 02 03 01 02');
  });

  it('says of an empty file that it is empty, and reads nothing', () => {
    expect(opening(new Uint8Array(0))).toThrow('an empty file');
  });
});
