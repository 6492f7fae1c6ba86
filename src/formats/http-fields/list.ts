/**
 * Members of a comma-separated list (RFC 9110 §5.6.1): commas within quoted strings do not separate, empty members
 * are dropped, white space around members is not part of them. A quote that is never closed is an ordinary
 * character, so that nothing can hide behind it.
 */
export function splitList(value: string): string[] {
  const members: string[] = [];
  let start = 0;
  for (let i = 0; i <= value.length; i++) {
    const char = value[i];
    if (char === '"') {
      const end = quotedStringEnd(value, i);
      if (end !== undefined) i = end - 1;
    } else if (char === ',' || char === undefined) {
      const member = trimOws(value.slice(start, i));
      if (member !== '') members.push(member);
      start = i + 1;
    }
  }
  return members;
}

/** Where the quoted string that begins at `start` ends (after its quote); `undefined` if it never does. */
function quotedStringEnd(value: string, start: number): number | undefined {
  for (let i = start + 1; i < value.length; i++) {
    if (value[i] === '\\') i++;
    else if (value[i] === '"') return i + 1;
  }
  return undefined;
}

/** What stands in a quoted string (RFC 9110 §5.6.4); `undefined` if the text is not exactly one. */
export function unquote(text: string): string | undefined {
  if (text[0] !== '"' || quotedStringEnd(text, 0) !== text.length) return undefined;
  return text.slice(1, -1).replaceAll(/\\(.)/g, '$1');
}

/** Without optional white space (space and tab, RFC 9110 §5.6.3) at both ends. */
export function trimOws(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isOws(text, start)) start++;
  while (end > start && isOws(text, end - 1)) end--;
  return text.slice(start, end);
}

function isOws(text: string, index: number): boolean {
  return text[index] === ' ' || text[index] === '\t';
}

/** RFC 9110 §5.6.2. */
export function isToken(text: string): boolean {
  return /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(text);
}
