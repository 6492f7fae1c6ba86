import type { Document, LineCounter } from 'yaml';
import { isNode } from 'yaml';
import type { z } from 'zod';

type Issue = z.core.$ZodIssue;

/** How many single-letter changes lead from one word to the other; more than `most` counts as `most + 1`. */
function editDistance(a: string, b: string, most: number): number {
  if (Math.abs(a.length - b.length) > most) return most + 1;
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(substitution, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? most + 1;
}

/** Folds case and underscores first, so that `max_ttl` finds `maxTtl`. */
function closest(word: string, known: readonly string[]): string | undefined {
  const fold = (text: string) => text.replaceAll(/[-_]/g, '').toLowerCase();
  return known
    .map((candidate) => ({ candidate, distance: editDistance(fold(word), fold(candidate), 2) }))
    .filter(({ distance }) => distance <= 2)
    .sort((a, b) => a.distance - b.distance)[0]?.candidate;
}

/** `['edge', 'distributions', 0, 'name']` → `edge.distributions[0].name`. */
function settingName(path: readonly PropertyKey[]): string {
  return path
    .map((step, index) => (typeof step === 'number' ? `[${step}]` : `${index === 0 ? '' : '.'}${String(step)}`))
    .join('');
}

/** What is wrong with the setting, to be read after its name. */
function sentence(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined
        ? `is missing; it must be ${article(issue.expected)}`
        : `must be ${article(issue.expected)}, not ${described(issue)}`;
    case 'invalid_value':
      return `must be ${issue.values.map((value) => String(value)).join(' or ')}, not ${described(issue)}`;
    case 'too_small':
      return issue.origin === 'string'
        ? `must have at least ${issue.minimum} character${issue.minimum === 1 ? '' : 's'}`
        : issue.origin === 'array'
          ? `must have at least ${issue.minimum} entr${issue.minimum === 1 ? 'y' : 'ies'}`
          : `must be at least ${issue.minimum}, not ${described(issue)}`;
    case 'too_big':
      return issue.origin === 'string'
        ? `must have at most ${issue.maximum} characters`
        : `must be at most ${issue.maximum}, not ${described(issue)}`;
    case 'invalid_union': {
      const allowed = new Set(issue.errors.flatMap(allowedForms));
      return allowed.has(described(issue))
        ? `cannot be ${described(issue)} like this: none of the allowed forms fits`
        : `must be ${[...allowed].join(' or ')}, not ${described(issue)}`;
    }
    default:
      return issue.message;
  }
}

/** What a form of a setting that can have several begins with. */
function allowedForms(form: readonly Issue[]): string[] {
  return form.flatMap((issue) => {
    if (issue.path.length > 0) return [article('object')];
    if (issue.code === 'invalid_value') return issue.values.map(String);
    return issue.code === 'invalid_type' ? [article(issue.expected)] : [];
  });
}

function article(type: string): string {
  const names: Record<string, string> = {
    object: 'a group of settings',
    record: 'a group of named entries',
    array: 'a list',
    string: 'a text',
    number: 'a number',
    int: 'a whole number',
    boolean: 'true or false',
  };
  return names[type] ?? type;
}

/** Groups in which secrets stand, in the right place or by mistake. */
const secretGroups: ReadonlySet<PropertyKey> = new Set([
  'restream',
  'keys',
  'hook',
  'secrets',
  'sign',
  'headers',
  'grantSecrets',
]);

/** What stands there instead, unless it may be a secret. */
function described(issue: Issue): string {
  const value = issue.input;
  const name = issue.path.at(-1);
  const mayHoldKey = name === 'rtmp' || name === 'url' || issue.path.some((step) => secretGroups.has(step));
  if (value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a group of settings';
  if (name === 'key' || name === 'secret' || mayHoldKey) return 'what stands there';
  return JSON.stringify(value) ?? 'nothing';
}

/** Of the forms that a setting can have, the one that what stands there begins like, if that can be told. */
function formMeant(forms: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  const has = (form: readonly Issue[], ...codes: Issue['code'][]) =>
    form.some(({ path, code }) => path.length === 0 && codes.includes(code));
  const alike = forms.filter((form) => !has(form, 'invalid_type', 'invalid_value'));
  const known = alike.length === 1 ? alike : alike.filter((form) => !has(form, 'unrecognized_keys'));
  return known.length === 1 ? known[0] : undefined;
}

/** The settings that a group knows, for the "did you mean" of a misspelt one. */
export type KnownSettings = (path: readonly PropertyKey[]) => readonly string[];

function settingsOf(issue: Issue, known: KnownSettings): { path: PropertyKey[]; text: string }[] {
  const form = issue.code === 'invalid_union' ? formMeant(issue.errors) : undefined;
  if (form !== undefined) {
    return form.flatMap((inner) => settingsOf({ ...inner, path: [...issue.path, ...inner.path] }, known));
  }
  if (issue.code !== 'unrecognized_keys') return [{ path: issue.path, text: sentence(issue) }];
  return issue.keys.map((key) => {
    const meant = closest(key, known(issue.path));
    return {
      path: [...issue.path, key],
      text: `there is no such setting${meant === undefined ? '' : `; did you mean ${meant}?`}`,
    };
  });
}

/** Where in the file a setting stands, or the nearest group around it. */
function lineOf(path: readonly PropertyKey[], document: Document, lines: LineCounter): number | undefined {
  for (let length = path.length; length > 0; length--) {
    const node: unknown = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return undefined;
}

/** What the schema found, each in one line: where in the file, which setting, what is wrong. In the file's order. */
export function findingsOf(
  error: z.ZodError,
  known: KnownSettings,
  source: { document: Document; lines: LineCounter } | undefined,
): string[] {
  return error.issues
    .flatMap((issue) => settingsOf(issue, known))
    .map(({ path, text }) => {
      const line = source === undefined ? undefined : lineOf(path, source.document, source.lines);
      return { line: line ?? 0, text: `${settingName(path)}: ${text}` };
    })
    .sort((a, b) => a.line - b.line)
    .map(({ line, text }) => (line === 0 ? text : `line ${line}: ${text}`));
}
