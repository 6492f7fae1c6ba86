import { fieldValue } from '../formats/http-fields/field-lines.ts';
import { QuickHead } from '../http/answer-images.ts';
import { wholeBodyFields } from '../http/body-portion.ts';
import type { CrossSite } from './cross-site.ts';
import type { CachedResponse, GrowingResponse, QuickHit } from './edge-response.ts';
import type { TokenCarriage } from './grant-carriage.ts';
import { fieldsWithToken, personalBody } from './personal-playlist.ts';
import type { Provenance } from './provenance.ts';
import { type EdgeName, headText, viewerFields } from './viewer-fields.ts';

/** A playlist with the token of its viewer in it, for the fast path. */
export interface OwnPlaylist {
  readonly quick: QuickHit;
  readonly body: Buffer;
}

/** `undefined` where there is nothing to put a token into: then the viewer gets what all get. */
export function ownPlaylist(
  name: EdgeName,
  carriage: TokenCarriage,
  response: CachedResponse | GrowingResponse,
  bodyOf: () => Buffer,
  said: { readonly how: Provenance; readonly ageMs: number; readonly cors: CrossSite },
): OwnPlaylist | undefined {
  const body = personalBody(response, bodyOf, carriage);
  if (body === undefined) return undefined;
  const { ageMs, cors, how } = said;
  const own = fieldsWithToken(response.head.fields, carriage);
  const fields = [
    ...wholeBodyFields(200, body.length),
    ...viewerFields(name, own, how, { ageMs, cors, requestId: '' }),
  ];
  const head = new QuickHead(headText('HTTP/1.1 200 OK', fields));
  return { body, quick: { head, contentType: fieldValue(own, 'content-type'), contentLength: String(body.length) } };
}
