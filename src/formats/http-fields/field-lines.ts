/**
 * The fields of a message as they came: name, value, name, value, … Names keep their case, repeated names stay
 * repeated. It is the shape in which Node gives and takes them (`rawHeaders`), so nothing is converted on the way.
 */
export type FieldLines = readonly string[];

/** All values of a field, in order; `name` in lower case. */
export function fieldValues(fields: FieldLines, name: string): string[] {
  const values: string[] = [];
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const candidate = fields[i] ?? '';
    if (candidate.length === name.length && candidate.toLowerCase() === name) values.push(fields[i + 1] ?? '');
  }
  return values;
}

/** The values of a list field as one (RFC 9110 §5.3), `undefined` when the field is absent; `name` in lower case. */
export function fieldValue(fields: FieldLines, name: string): string | undefined {
  const values = fieldValues(fields, name);
  return values.length === 0 ? undefined : values.join(', ');
}

/** The fields without those named; `names` in lower case. */
export function withoutFields(fields: FieldLines, names: ReadonlySet<string>): string[] {
  return fieldsWhere(fields, (name) => !names.has(name));
}

/** The fields that are wanted; `isWanted` gets their names in lower case. */
export function fieldsWhere(fields: FieldLines, isWanted: (name: string) => boolean): string[] {
  const kept: string[] = [];
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i] ?? '';
    if (isWanted(name.toLowerCase())) kept.push(name, fields[i + 1] ?? '');
  }
  return kept;
}

/** The names that occur, in lower case. */
export function fieldNames(fields: FieldLines): Set<string> {
  const names = new Set<string>();
  for (let i = 0; i + 1 < fields.length; i += 2) names.add((fields[i] ?? '').toLowerCase());
  return names;
}
