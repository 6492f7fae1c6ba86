/** Of longer texts nothing is kept: who sends them does not decide how much is held. */
const maxLength = 1_024;
/** So much of its end decides where a text has its place: names of segments differ there. */
const placedLength = 16;

/**
 * What was last made for texts that come again and again. Each has one place, and what is kept there now gives way to what
 * comes: a look-up costs one comparison, and what is held is bounded.
 */
export class RecentTexts<Value> {
  readonly #texts: string[];
  readonly #values: (Value | undefined)[];

  /** `places`: how many, a power of two. */
  constructor(places: number) {
    this.#texts = Array.from({ length: places }, () => '');
    this.#values = Array.from({ length: places });
  }

  get(text: string): Value | undefined {
    const place = this.#placeOf(text);
    return this.#texts[place] === text ? this.#values[place] : undefined;
  }

  keep(text: string, value: Value): void {
    if (text.length > maxLength) return;
    const place = this.#placeOf(text);
    this.#texts[place] = text;
    this.#values[place] = value;
  }

  #placeOf(text: string): number {
    const { length } = text;
    let place = length;
    for (let i = Math.max(0, length - placedLength); i < length; i++) place = (place * 31 + text.charCodeAt(i)) | 0;
    return (place ^ (place >>> 16)) & (this.#texts.length - 1);
  }
}
