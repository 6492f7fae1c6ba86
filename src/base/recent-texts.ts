/** Of longer texts nothing is kept: who sends them does not decide how much is held. */
const maxLength = 1_024;
/** Where there are more texts than places, each would only be made to give way: most are turned away instead. */
const turnedAway = 7;
/** So much of its end decides where a text has its places: names of segments differ there. */
const placedLength = 16;
/** And so many characters of all of it: signed URLs begin and end alike. */
const spreadCharacters = 8;
/** Of so many places a text may have any. */
const placesPerText = 2;

/**
 * What was made for texts that come again and again. Each has a place or two, and what is kept there for others gives way
 * now and then: a look-up costs two comparisons at most, and what is held is bounded.
 */
export class RecentTexts<Value> {
  readonly #texts: string[];
  readonly #values: (Value | undefined)[];
  readonly #ways: number;
  #turnedAway = 0;
  /** Of the places of a text the one where the last one gave way. */
  #gaveWay = 0;

  /** `places`: how many, a power of two. */
  constructor(places: number) {
    this.#texts = Array.from({ length: places }, () => '');
    this.#values = Array.from({ length: places });
    this.#ways = Math.min(places, placesPerText);
  }

  get(text: string): Value | undefined {
    const first = this.#firstPlaceOf(text);
    for (let place = first; place < first + this.#ways; place++) {
      if (this.#texts[place] === text) return this.#values[place];
    }
    return undefined;
  }

  /** Holds on to `text`: see `ownText` for one that is a part of another. */
  keep(text: string, value: Value): void {
    if (text.length > maxLength) return;
    const place = this.#placeFor(text);
    if (place === undefined) return;
    this.#texts[place] = text;
    this.#values[place] = value;
  }

  #placeFor(text: string): number | undefined {
    const first = this.#firstPlaceOf(text);
    let empty: number | undefined;
    for (let place = first; place < first + this.#ways; place++) {
      if (this.#values[place] === undefined) empty ??= place;
      else if (this.#texts[place] === text) return place;
    }
    if (empty !== undefined) return empty;
    if (this.#turnedAway < turnedAway) {
      this.#turnedAway++;
      return undefined;
    }
    this.#turnedAway = 0;
    this.#gaveWay = (this.#gaveWay + 1) % this.#ways;
    return first + this.#gaveWay;
  }

  #firstPlaceOf(text: string): number {
    const { length } = text;
    let place = length;
    const endAt = Math.max(0, length - placedLength);
    const stride = Math.ceil(endAt / spreadCharacters);
    for (let i = stride - 1; i < endAt && i >= 0; i += stride) place = (place * 31 + text.charCodeAt(i)) | 0;
    for (let i = endAt; i < length; i++) place = (place * 31 + text.charCodeAt(i)) | 0;
    place ^= place >>> 16;
    return (place & (this.#texts.length / this.#ways - 1)) * this.#ways;
  }
}

/**
 * The same text for itself. The engine takes a part of a text for a view on the whole: who keeps it keeps all of a
 * request, or of many that came together.
 */
export function ownText(text: string): string {
  return ` ${text}`.slice(1);
}
