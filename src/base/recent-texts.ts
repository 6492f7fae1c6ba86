/** Of longer texts nothing is kept: who sends them does not decide how much is held. */
const maxLength = 1_024;
/** Where there are more texts than places, each would only be made to give way: most are turned away instead. */
const turnedAway = 7;
/** So much of its end decides where a text has its place: names of segments differ there. */
const placedLength = 16;

/**
 * What was made for texts that come again and again. Each has one place, and what is kept there for another gives way now
 * and then: a look-up costs one comparison, and what is held is bounded.
 */
export class RecentTexts<Value> {
  readonly #texts: string[];
  readonly #values: (Value | undefined)[];
  #turnedAway = 0;

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
    if (this.#values[place] !== undefined && this.#texts[place] !== text) {
      if (this.#turnedAway < turnedAway) {
        this.#turnedAway++;
        return;
      }
      this.#turnedAway = 0;
    }
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
