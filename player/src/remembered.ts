/** A choice of the viewer's, kept in this browser. Where storage is refused, it lives as long as the page. */
export class Remembered {
  readonly #name: string;
  #value: string | undefined;

  constructor(name: string) {
    this.#name = `streamfront-${name}`;
    try {
      this.#value = window.localStorage.getItem(this.#name) ?? undefined;
    } catch {
      this.#value = undefined;
    }
  }

  get value(): string | undefined {
    return this.#value;
  }

  set value(value: string | undefined) {
    this.#value = value;
    try {
      if (value === undefined) window.localStorage.removeItem(this.#name);
      else window.localStorage.setItem(this.#name, value);
    } catch {
      // Private windows may refuse; the choice then holds until the page is left.
    }
  }
}
