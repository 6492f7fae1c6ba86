import { describe, expect, it } from 'vitest';
import { welcome } from '../../src/cli/welcome.ts';

const facts = {
  edge: { host: '127.0.0.1', port: 8080 },
  rtmp: { host: '127.0.0.1', port: 1935 },
  keyNeeded: false,
  demoFile: '/srv/media/demo.mp4',
  library: { folder: '/srv/data/library', app: 'cfx/st' },
  dataFolder: '/srv/data',
};

describe('welcome', () => {
  it('names the page, the ffmpeg line, the OBS settings and the data folder, in this order', () => {
    const text = welcome(facts);
    const places = [
      'http://localhost:8080/',
      'ffmpeg -re -stream_loop -1 -i /srv/media/demo.mp4 -c copy -f flv rtmp://localhost:1935/live/hello',
      'Server: rtmp://localhost:1935/live',
      '/srv/data/library',
      'dir/film.mp4 there plays as rtmp://localhost:1935/cfx/st/dir/film.mp4',
      'Data    /srv/data',
    ].map((piece) => text.indexOf(piece));
    expect(places.every((place) => place > 0)).toBe(true);
    expect(places).toEqual(places.toSorted((a, b) => a - b));
  });

  it('leaves out what does not run here', () => {
    expect(welcome({ ...facts, rtmp: undefined })).not.toContain('rtmp://');
    expect(welcome({ ...facts, edge: undefined })).not.toContain('Watch');
    expect(welcome({ ...facts, library: undefined })).not.toContain('film.mp4');
    const originOnly = welcome({ ...facts, library: { folder: '/srv/films', app: undefined } });
    expect(originOnly).toContain('/srv/films');
    expect(originOnly).not.toContain('film.mp4');
  });

  it('quotes what a shell would take apart', () => {
    expect(welcome({ ...facts, demoFile: "/srv/it's here/demo.mp4" })).toContain(`-i '/srv/it'\\''s here/demo.mp4' -c`);
    expect(welcome({ ...facts, keyNeeded: true })).toContain(`'rtmp://localhost:1935/live/hello?key=YOUR-STREAM-KEY'`);
  });

  it('brackets an IPv6 address', () => {
    expect(welcome({ ...facts, edge: { host: '2001:db8::1', port: 80 } })).toContain('http://[2001:db8::1]:80/');
  });
});
