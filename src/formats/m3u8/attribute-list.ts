/** A value of an attribute list, written as its type wants it (rfc8216bis §4.2). */
export type AttributeValue = string & { readonly attributeValue: unique symbol };

/** A quoted-string. What cannot stand in one (quotes, line breaks and other control characters) is left out. */
export function quotedString(value: string): AttributeValue {
  return `"${value.replaceAll(/["\p{Cc}]/gu, '')}"` as AttributeValue;
}

/** A quoted-string of texts, each without what cannot stand in one, with tabs between them. */
export function tabSeparatedString(values: readonly string[]): AttributeValue {
  return `"${values.map((value) => quotedString(value).slice(1, -1)).join('\t')}"` as AttributeValue;
}

/** A hexadecimal-sequence. */
export function hexadecimalSequence(bytes: Uint8Array): AttributeValue {
  return `0x${bytes.toHex().toUpperCase()}` as AttributeValue;
}

export function enumeratedString(value: string): AttributeValue {
  return value as AttributeValue;
}

export function decimalInteger(value: number): AttributeValue {
  return String(Math.round(value)) as AttributeValue;
}

/** A decimal-floating-point, signed where it is negative, with as many digits as say something, five after the point at most. */
export function decimalFloatingPoint(value: number): AttributeValue {
  return String(Number(value.toFixed(5))) as AttributeValue;
}

export function decimalResolution(width: number, height: number): AttributeValue {
  return `${width}x${height}` as AttributeValue;
}

/** `#TAG:NAME=value,…`, without the attributes that have no value. */
export function attributeTag(tag: string, attributes: Readonly<Record<string, AttributeValue | undefined>>): string {
  const list: string[] = [];
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined) list.push(`${name}=${value}`);
  }
  return `#${tag}:${list.join(',')}`;
}
