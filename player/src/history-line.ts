const svgNamespace = 'http://www.w3.org/2000/svg';
const width = 240;
const height = 40;

/** The recent course of a figure as a line, its scale from zero to a little above the largest. */
export class HistoryLine {
  readonly root: SVGSVGElement;
  readonly #line: SVGPolylineElement;
  readonly #capacity: number;
  #values: number[] = [];

  constructor(capacity: number, label: string) {
    this.#capacity = capacity;
    this.root = document.createElementNS(svgNamespace, 'svg');
    this.root.setAttribute('viewBox', `0 0 ${width} ${height}`);
    this.root.setAttribute('preserveAspectRatio', 'none');
    this.root.setAttribute('class', 'history-line');
    this.root.setAttribute('role', 'img');
    this.root.setAttribute('aria-label', label);
    this.#line = document.createElementNS(svgNamespace, 'polyline');
    this.root.append(this.#line);
  }

  add(value: number | undefined): void {
    if (value === undefined) return;
    this.#values = [...this.#values, value].slice(-this.#capacity);
    const top = Math.max(1, ...this.#values) * 1.15;
    const step = width / (this.#capacity - 1);
    const start = width - (this.#values.length - 1) * step;
    const points = this.#values.map(
      (each, index) => `${(start + index * step).toFixed(1)},${(height - (each / top) * height).toFixed(1)}`,
    );
    this.#line.setAttribute('points', points.join(' '));
  }
}
