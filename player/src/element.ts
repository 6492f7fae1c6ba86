/** What an element may hold: text is set as text, never as markup. */
export type Child = Node | string | undefined;

export type Attributes = Readonly<Record<string, string | boolean | undefined>>;

function fill(node: Element, attributes: Attributes, children: readonly Child[]): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children.filter((child) => child !== undefined));
}

/** An element with its attributes and children. An attribute that is `false` or undefined is left out. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[Tag] {
  const node = document.createElement(tag);
  fill(node, attributes, children);
  return node;
}

/** The same for a custom element, such as media-chrome's. */
export function customElement(
  tag: `${string}-${string}`,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElement {
  const node = document.createElement(tag);
  fill(node, attributes, children);
  return node;
}

/** Sets text only where it differs, so that what a screen reader watches does not change without reason. */
export function setText(node: Element, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}
