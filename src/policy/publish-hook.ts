/** What a publish hook is told. `parameters` never holds the stream key. */
export interface PublishHookEvent {
  readonly event: 'publish' | 'unpublish';
  /** One publication: the same in its `publish` and its `unpublish`. */
  readonly id: string;
  /** RFC 3339, UTC. */
  readonly time: string;
  /** `app/name`. */
  readonly path: string;
  readonly peer: { readonly address: string; readonly port: number };
  /** What the encoder calls itself, `null` if it does not say. */
  readonly encoder: string | null;
  /** The query that the encoder sent, without the stream key. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Which configured stream key fitted, such as `key 1`; `null` when none did. */
  readonly credential: string | null;
  /** The stream key as it was sent: only where the hook is the one who decides about it. */
  readonly key?: string;
  /** Of `unpublish`: `not-started` when it was asked about and never came on the air. */
  readonly reason?: PublicationEnd;
}

export type PublicationEnd = 'ended' | 'taken-over' | 'not-started';

export type PublishHookVerdict =
  | {
      readonly kind: 'admitted';
      /** What the hook calls whoever publishes: who comes with the same name takes the stream over. */
      readonly credential: string | undefined;
    }
  /** `sentence` is the hook's own, short and printable. */
  | { readonly kind: 'refused'; readonly sentence: string }
  /** It is up to the settings what follows. */
  | { readonly kind: 'failed'; readonly sentence: string };

export interface PublishHookAnswer {
  readonly status: number;
  /** As text, perhaps cut off. */
  readonly body: string;
}

/** Of the sentence of a refusal: it ends up on an encoder's screen. */
const maxSentenceLength = 200;

const credentialGrammar = /^[!-~](?:[ -~]{0,126}[!-~])?$/;

/**
 * What is signed: id, time and body, joined by dots (Standard Webhooks 1.0). A request sent again later has the old
 * time in it, and one within the tolerance the old id.
 */
export function signedContent(id: string, timestampSeconds: number, body: string): string {
  return `${id}.${timestampSeconds}.${body}`;
}

/**
 * 2xx admits, and may name a credential in a JSON object; 4xx refuses, with its text as the reason; all else is a
 * failure. `secrets` are cut out of what the hook says, in case it repeats them.
 */
export function readHookAnswer({ status, body }: PublishHookAnswer, secrets: readonly string[]): PublishHookVerdict {
  if (status >= 200 && status < 300) return { kind: 'admitted', credential: credentialOf(body) };
  if (status >= 400 && status < 500) {
    const sentence = printableSentence(body, secrets);
    return { kind: 'refused', sentence: sentence === '' ? `the publish hook refused it (${status})` : sentence };
  }
  return { kind: 'failed', sentence: `it answered ${status}` };
}

function credentialOf(body: string): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || !('credential' in value)) return undefined;
  const { credential } = value;
  return typeof credential === 'string' && credentialGrammar.test(credential) ? credential : undefined;
}

/** The first line that says something, short, printable and without secrets. */
function printableSentence(body: string, secrets: readonly string[]): string {
  let text = body;
  for (const secret of secrets) if (secret !== '') text = text.replaceAll(secret, '(secret)');
  const line = text.split(/[\r\n]/).find((candidate) => candidate.trim() !== '') ?? '';
  const printable = line.replace(/[\p{C}\p{Z}]+/gu, ' ').trim();
  return printable.length > maxSentenceLength ? `${printable.slice(0, maxSentenceLength - 1)}…` : printable;
}
