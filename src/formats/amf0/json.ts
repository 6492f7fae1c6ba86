import { Amf0Date, Amf0XmlDocument, type Amf0Value, propertiesOf } from './value.ts';

/**
 * A value as JSON text: objects of every kind as objects, dates as milliseconds since 1970, XML as text; `undefined` and numbers
 * that are none as null. Gives `undefined` when it takes more than `maxCharacters`: one value may stand in many places.
 */
export function amf0Json(value: Amf0Value, maxCharacters: number): string | undefined {
  const writer = new JsonWriter(maxCharacters);
  return writer.write(value) ? writer.text : undefined;
}

class JsonWriter {
  readonly #maxCharacters: number;
  text = '';

  constructor(maxCharacters: number) {
    this.#maxCharacters = maxCharacters;
  }

  /** Whether there was room for it. */
  write(value: Amf0Value): boolean {
    const properties = propertiesOf(value);
    if (properties !== undefined) {
      const entries = [...properties].map(([name, property]) => [`${JSON.stringify(name)}:`, property] as const);
      return this.#list('{', entries, '}');
    }
    if (Array.isArray(value)) {
      const items = value as readonly Amf0Value[];
      return this.#list(
        '[',
        items.map((item) => ['', item] as const),
        ']',
      );
    }
    return this.#add(JSON.stringify(plain(value)));
  }

  #list(open: string, entries: readonly (readonly [string, Amf0Value])[], close: string): boolean {
    if (!this.#add(open)) return false;
    for (const [index, [head, value]] of entries.entries()) {
      if (!this.#add(index === 0 ? head : `,${head}`) || !this.write(value)) return false;
    }
    return this.#add(close);
  }

  #add(text: string): boolean {
    this.text += text;
    return this.text.length <= this.#maxCharacters;
  }
}

function plain(value: Amf0Value): string | number | boolean | null {
  if (value instanceof Amf0Date) return value.epochMs;
  if (value instanceof Amf0XmlDocument) return value.text;
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null;
}
