/**
 * Errors, grouped by who must act on them. Each has a stable `code`, one sentence that names what is wrong,
 * where and what to do, and the `cause` where there is one. A failed `assert` is a bug of ours and is none of these.
 */

/** What every error of ours carries beyond `Error`. */
export abstract class StreamFrontError extends Error {
  /** Stable and upper case, such as `RTMP_MESSAGE_TOO_LARGE`: scripts and alerts may rely on it. */
  readonly code: string;

  constructor(code: string, sentence: string, options?: ErrorOptions) {
    super(`${code}: ${sentence}`, options);
    this.code = code;
    this.name = new.target.name;
  }
}

/** The peer broke the protocol: its connection is closed, nothing else is touched. */
export class ProtocolError extends StreamFrontError {
  /** Where in the bytes of the message or the connection, if known. */
  readonly byteOffset: number | undefined;
  /** The section of the specification that was broken, such as `RTMP 1.0 §5.3.1`. */
  readonly section: string | undefined;

  /** `remedy`: what whoever made the bytes can do; it stands behind the place. */
  constructor(
    code: string,
    sentence: string,
    where: { byteOffset?: number; section?: string; remedy?: string; cause?: unknown } = {},
  ) {
    const at = where.byteOffset === undefined ? '' : ` at byte ${where.byteOffset}`;
    const by = where.section === undefined ? '' : ` (${where.section})`;
    const remedy = where.remedy === undefined ? '' : `: ${where.remedy}`;
    super(code, `${sentence}${at}${by}${remedy}`, where.cause === undefined ? undefined : { cause: where.cause });
    this.byteOffset = where.byteOffset;
    this.section = where.section;
  }
}

/** A bound of ours was met. The operator may raise the setting, if there is one. */
export class LimitError extends StreamFrontError {
  readonly limit: number;
  readonly value: number;

  constructor(code: string, sentence: string, bound: { limit: number; value: number; setting?: string }) {
    const setting = bound.setting === undefined ? '' : ` (setting ${bound.setting})`;
    super(code, `${sentence}: ${bound.value}, limit ${bound.limit}${setting}`);
    this.limit = bound.limit;
    this.value = bound.value;
  }
}

/** Somebody may not do this. The precise reason is for the log; a viewer gets a plain refusal. */
export class AccessError extends StreamFrontError {}

/** The origin did not answer, or not usably: a candidate for a stale answer. */
export class UpstreamError extends StreamFrontError {}

/** Something in the configuration cannot stand. Holds every finding at once, in the operator's words. */
export class ConfigError extends StreamFrontError {
  readonly findings: readonly string[];

  constructor(sentence: string, findings: readonly string[]) {
    super('CONFIG_INVALID', [sentence, ...findings.map((finding) => `  - ${finding}`)].join('\n'));
    this.findings = findings;
  }
}

/** What `load` gives. If it throws a `ConfigError`, the findings of that are added to `findings`, to be told with others. */
export function orFindings<Value>(load: () => Value, findings: string[]): Value | undefined {
  try {
    return load();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    findings.push(...error.findings);
    return undefined;
  }
}
