import { normaliseAcceptEncoding } from '../formats/http-fields/accept-encoding.ts';
import type { FieldLines } from '../formats/http-fields/field-lines.ts';
import type { Peer } from '../http/peer.ts';
import type { PlainGet } from '../http/plain-get.ts';
import type { Guest } from '../policy/limits/viewings.ts';
import { type EdgeIdentity, originRequestFields, viewerFieldsForOrigin } from '../policy/origin-request.ts';
import { sharedProtocol } from './asked.ts';
import { CachedResponse, type GrowingResponse, isVariantFor } from './edge-response.ts';
import type { AnsweredOutcome } from './fetch-waiters.ts';
import { fieldsWithoutGrant } from './grant-admission.ts';
import type { GrantCarriage, TokenCarriage } from './grant-carriage.ts';
import { isPlaylist } from './personal-playlist.ts';
import type { PlainAddress } from './plain-address.ts';
import { isPlainlySelected, plainSelectingFields } from './plain-variant.ts';
import type { Behaviour } from './routes.ts';

/** A plain GET for what others have asked for. */
export interface Joining {
  readonly get: PlainGet;
  readonly peer: Peer;
  /** `undefined`: nobody has asked who it is. */
  readonly guest: Guest | undefined;
  readonly requestId: string;
  readonly address: PlainAddress;
  /** How what let the viewer in goes on with a playlist. */
  readonly carriage: GrantCarriage | undefined;
  /** As the origin would see them. */
  readonly requestFields: () => FieldLines;
}

/** What the origin would see of a plain GET. */
export function fieldsForOrigin(
  identity: EdgeIdentity,
  { get, peer, requestId, behaviour }: Pick<Joining, 'get' | 'peer' | 'requestId'> & { readonly behaviour: Behaviour },
): FieldLines {
  return originRequestFields(
    {
      acceptEncoding: normaliseAcceptEncoding(get.fields.acceptEncoding),
      forwardedFor: get.fields.forwardedFor,
      connectedFrom: peer.proxyAddress ?? peer.address ?? 'unknown',
      viewerProtocol: sharedProtocol(behaviour),
      via: undefined,
      cdnLoop: undefined,
      requestId,
      viewerFields: [
        ...fieldsWithoutGrant(behaviour, viewerFieldsForOrigin(linesOf(get), behaviour.forwarded)),
        ...(behaviour.viewerCountry?.fieldsFor(peer.address) ?? []),
      ],
    },
    identity,
    [],
  );
}

/** The fields of a plain GET as lines. */
function linesOf({ fields }: PlainGet): FieldLines {
  return fields.text
    .split('\r\n')
    .slice(1)
    .flatMap((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1).trim()];
    });
}

/** Whether the steps give the viewer something else: a page in place of an error, a playlist with cookies. */
export function isSpecial(
  { address, carriage }: Pick<Joining, 'address' | 'carriage'>,
  response: GrowingResponse | CachedResponse,
): boolean {
  const { head } = response;
  if (head.status >= 400) return address.behaviour.errorPage(head.status) !== undefined;
  if (carriage === undefined || !isPlaylist(head, address.target)) return false;
  return carriage.kind === 'cookies' || response instanceof CachedResponse;
}

/** Whose token a viewer gets in a playlist. */
export function tokenFor(
  { address, carriage }: Joining,
  { head }: GrowingResponse | CachedResponse,
): TokenCarriage | undefined {
  return carriage?.kind === 'token' && isPlaylist(head, address.target) ? carriage : undefined;
}

/** By outcome, and by Accept-Encoding as it came: whether it is for those who said that. */
const fitting = new WeakMap<AnsweredOutcome, Map<string | undefined, boolean>>();

/** All of a crowd are asked this before any gets a byte, and most of them said the same. */
export function isFor(outcome: AnsweredOutcome, { get, requestFields }: Joining): boolean {
  const { head } = outcome.response;
  if (!isPlainlySelected(head)) return isVariantFor(head, requestFields);
  let known = fitting.get(outcome);
  if (known === undefined) fitting.set(outcome, (known = new Map<string | undefined, boolean>()));
  const { acceptEncoding } = get.fields;
  let fits = known.get(acceptEncoding);
  if (fits === undefined) {
    fits = isVariantFor(head, () => plainSelectingFields(get));
    known.set(acceptEncoding, fits);
  }
  return fits;
}
