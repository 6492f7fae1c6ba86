import { type FieldLines, fieldValue, fieldValues, withoutFields } from '../formats/http-fields/field-lines.ts';
import type { ResponseTiming } from '../policy/age.ts';
import type { CachePolicy } from '../policy/cache-policy.ts';
import { type CacheTagField, cacheTags } from '../policy/cache-tags.ts';
import { freshness, freshnessFacts } from '../policy/freshness.ts';
import { responseDirectives, sharedFields } from '../policy/response-directives.ts';
import { storability, type Storability } from '../policy/storability.ts';
import { selectingFields, variantKey } from '../policy/variants.ts';
import type { ResponseHead } from './edge-response.ts';

/** What the rules say of a response as it came. */
export interface Judgement {
  /** As it may be stored and shared. */
  readonly head: ResponseHead;
  /** What the viewer gets whose request it was: with the fields that are not for others. */
  readonly firstFields: FieldLines;
  readonly rule: Storability;
}

/** Of what a newer head without a body is merged into. */
type FormerHead = Pick<ResponseHead, 'tags' | 'surrogateControl'>;

export interface JudgedRequest {
  /** As they went to the origin. */
  readonly requestFields: FieldLines;
  /** Names that choose among variants whatever Vary says. */
  readonly keyed: readonly string[];
  readonly policy: CachePolicy;
  readonly tagField: CacheTagField | undefined;
  /** Whether the origin's Surrogate-Control is listened to. */
  readonly surrogateControl: boolean;
  /** Whether what is kept may be kept on disk. */
  readonly disk: boolean;
}

/**
 * `fields`: end-to-end, with a Date, with what was merged into them; `ageValues`: the Age that came now; `former`: what
 * they were merged into, with what of it no viewer sees.
 */
export function judgeResponse(
  status: number,
  fields: FieldLines,
  ageValues: readonly string[],
  { requestFields, keyed, policy, tagField, surrogateControl: listening, disk }: JudgedRequest,
  {
    sequence,
    former,
    ...timing
  }: ResponseTiming & { readonly sequence: number; readonly former: FormerHead | undefined },
): Judgement {
  const surrogateControl = listening
    ? (fieldValue(fields, 'surrogate-control') ?? former?.surrogateControl)
    : undefined;
  const directives = responseDirectives(fields, surrogateControl);
  const firstFields = shownFields(withoutFields(fields, countedFields), { tagField, surrogateControl: listening });
  const shared = sharedFields(firstFields, directives);
  const aged = { status, fields: [...shared, ...ageValues.flatMap((age) => ['Age', age])], directives };
  const facts = freshnessFacts(aged, timing, policy);
  const rule = storability(
    { status, fields: shared, directives },
    {
      policy,
      authorized: fieldValues(requestFields, 'authorization').length > 0,
      receivedWallMs: timing.receivedWallMs,
    },
  );
  const selecting = selectingFields(shared, keyed);
  const names = selecting === 'any' ? nothing : sharedIfEmpty(selecting);
  // By the RFC, whoever waited may be given only what could also be given to whoever comes later (RFC 9111 §4).
  const staleAtOnce =
    policy.name === 'standards' &&
    rule.kind === 'store' &&
    freshness(facts, timing.receivedMonotonicMs).kind === 'stale';
  const head: ResponseHead = {
    status,
    fields: shared,
    facts,
    selecting: names,
    variantKey: variantKey(names, requestFields),
    sequence,
    tags: sharedIfEmpty((tagField === undefined ? undefined : cacheTags(fields, tagField)) ?? former?.tags ?? nothing),
    memoryOnly: !disk,
  };
  return {
    // A stored response is small: what is hardly ever said takes no place in it.
    head: surrogateControl === undefined ? head : { ...head, surrogateControl },
    firstFields,
    rule: staleAtOnce ? { kind: 'store-unshared' } : rule,
  };
}

/** What viewers see: without what the origin says to this edge alone. */
export function shownFields(
  fields: FieldLines,
  { surrogateControl, tagField }: Pick<JudgedRequest, 'surrogateControl' | 'tagField'>,
): FieldLines {
  const hidden = new Set(surrogateControl ? ['surrogate-control'] : []);
  if (tagField?.passOn === false) hidden.add(tagField.header);
  return hidden.size === 0 ? fields : withoutFields(fields, hidden);
}

const nothing: readonly string[] = [];

/** Most lists are empty, and there may be a million stored responses. */
function sharedIfEmpty(list: readonly string[]): readonly string[] {
  return list.length === 0 ? nothing : list;
}

/** These are counted anew for every viewer. */
const countedFields = new Set(['age', 'content-length']);
