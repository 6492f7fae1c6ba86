import { gzipSync } from 'node:zlib';
import { cannedGrant, grantSigner, trusting } from '../support/grant-signer.ts';
import { type Answer, get, startTestEdge, startTestOrigin, type TestEdge, type TestOrigin } from './test-edge.ts';

export const signer = grantSigner('ec', 'KEC');
const stranger = grantSigner('ec', 'KEC2');
export const site = 'http://a.example';

export const multivariant = `#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="A",URI="audio.m3u8?x=1"
#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="a"
video.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=2,AUDIO="a"
http://b.example/live/a/video.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=2,AUDIO="a"
../b/video.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=2,AUDIO="a"
/live/a/open/video.m3u8
`;
export const media = '#EXTM3U\n#EXT-X-MAP:URI="e/init.mp4"\n#EXTINF:1,\ne/1.m4s\n';

/** An edge that carries grants on, with an origin that has two playlists and something behind every other name. */
export async function house(carryGrants: 'cookie' | 'query' | 'none', fields: Record<string, string> = {}) {
  const origin = await startTestOrigin((request, response) => {
    const { pathname } = new URL(request.url ?? '', 'http://x');
    const playlist = pathname.endsWith('.m3u8');
    const text = pathname.endsWith('index.m3u8') ? multivariant : playlist ? media : 'the media';
    const gzip = playlist && request.headers['accept-encoding'] === 'gzip';
    response.writeHead(200, {
      'Content-Type': playlist ? 'application/vnd.apple.mpegurl' : 'video/mp4',
      'Cache-Control': 'public, max-age=60',
      ETag: gzip ? '"g"' : '"i"',
      Vary: 'Accept-Encoding',
      ...(gzip ? { 'Content-Encoding': 'gzip' } : {}),
      ...fields,
    });
    response.end(gzip ? gzipSync(text) : text);
  });
  const guarded = { trustedKeyGroups: ['viewers'], carryGrants };
  const edge = await startTestEdge(
    origin.url,
    {},
    {
      ...trusting({ viewers: [signer], others: [stranger] }),
      distributions: [
        {
          name: 'site',
          hosts: ['a.example', 'b.example'],
          behaviours: [
            { path: '/live/a/open/*' },
            { path: '/live/a/strict/*', trustedKeyGroups: ['viewers'] },
            { path: '/live/a/others/*', trustedKeyGroups: ['others'], carryGrants },
            { path: '*', query: ['_HLS_msn', 'x'], ...guarded },
          ],
        },
        { name: 'other', hosts: ['other.example'], behaviours: [guarded] },
      ],
    },
  );
  return {
    edge,
    origin,
    [Symbol.asyncDispose]: async () => {
      await edge.close();
      await origin.stop();
    },
  } satisfies { edge: TestEdge; origin: TestOrigin } & AsyncDisposable;
}

export const inSeconds = (edge: TestEdge, seconds: number): number => Math.floor(edge.clock.wallMs() / 1_000) + seconds;
export const ask = (
  edge: TestEdge,
  target: string,
  fields: Record<string, string> = {},
  method = 'GET',
): Promise<Answer> => get(edge.httpPort, target, { host: 'a.example', ...fields }, method);
export const signedUrl = (edge: TestEdge, target: string, seconds = 60): string =>
  `${target}?${cannedGrant(signer, site + target, inSeconds(edge, seconds))}`;
export const tokenIn = (text: string): string => /Grant-Token=([^"\n]+)/.exec(text)?.[1] ?? '';
export const playlist = '/live/a/index.m3u8';
