import type { FieldLines } from '../formats/http-fields/field-lines.ts';
import { collectBody } from './collect-body.ts';
import { deliverAnswer, deliverArriving, deliverPlain, deliverStored, type Viewer } from './deliver.ts';
import { CachedResponse, type GrowingResponse } from './edge-response.ts';
import type { PlainAnswer } from './error-page.ts';
import type { GrantCarriage, TokenCarriage } from './grant-carriage.ts';
import { fieldsWithToken, forOneOnly, maxPlaylistBytes, personalBody } from './personal-playlist.ts';
import type { Provenance } from './provenance.ts';

/** Delivers a playlist to a viewer whose grant goes on with it. */
export function deliverPlaylist(
  viewer: Viewer,
  carriage: GrantCarriage,
  given: CachedResponse | GrowingResponse,
  how: Provenance,
  fields: FieldLines,
): void {
  if (carriage.kind === 'cookies') {
    const cookies = carriage.setCookies.flatMap((cookie) => ['Set-Cookie', cookie]);
    deliverAnswer(viewer, given, how, [...forOneOnly(fields), ...cookies]);
  } else if (given instanceof CachedResponse && given.head.sliced === undefined) {
    deliverWhole(viewer, carriage, given, given.body, how, fields);
  } else if (viewer.request.method === 'HEAD' && !(given instanceof CachedResponse)) {
    const head = { ...given.head, fields: fieldsWithToken(given.head.fields, carriage) };
    deliverArriving(viewer, { ...given, head, lengthBytes: undefined }, how, fieldsWithToken(fields, carriage));
  } else {
    collect(viewer, given, (body) => deliverWhole(viewer, carriage, given, body, how, fields));
  }
}

function deliverWhole(
  viewer: Viewer,
  carriage: TokenCarriage,
  given: CachedResponse | GrowingResponse,
  body: Buffer,
  how: Provenance,
  fields: FieldLines,
): void {
  const personal = personalBody(given, () => body, carriage);
  const own = personal === undefined ? fields : fieldsWithToken(fields, carriage);
  const head = personal === undefined ? given.head : { ...given.head, fields: own };
  const { sliced: _, ...whole } = head;
  deliverStored(viewer, new CachedResponse(whole, personal ?? body), how, own);
}

const brokenOff: PlainAnswer = {
  status: 502,
  title: 'The origin cannot be reached',
  sentence: 'The server that holds this content did not send all of it. Please try again in a moment.',
  code: 'PLAYLIST_BROKEN_OFF',
};

const tooLarge: PlainAnswer = {
  status: 502,
  title: 'The playlist is too large',
  sentence: `A playlist that is to have tokens in it may have ${maxPlaylistBytes} bytes.`,
  code: 'PLAYLIST_TOO_LARGE',
};

/** Waits for the whole of a body; a viewer who gets none is told why. */
function collect(viewer: Viewer, given: CachedResponse | GrowingResponse, onWhole: (body: Buffer) => void): void {
  const follower = collectBody({
    lengthBytes: given.lengthBytes,
    open: (range, onProgress) =>
      given instanceof CachedResponse
        ? viewer.slices?.open(given, range, onProgress)
        : given.body.openReader(onProgress, range),
    onWhole,
    onFailed: (why) => deliverPlain(viewer, why === 'too-large' ? tooLarge : brokenOff),
    onEnd: () => {
      if (!(given instanceof CachedResponse)) given.onReaderLeft();
    },
  });
  viewer.response.once('close', () => follower.closed());
}
