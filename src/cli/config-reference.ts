import { z } from 'zod';
import { configurationSchema } from './configuration-schema.ts';

interface SchemaNode {
  readonly type?: string;
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly format?: string;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly items?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
  readonly additionalProperties?: SchemaNode | boolean;
}

interface Row {
  readonly setting: string;
  readonly type: string;
  readonly fallback: string;
  readonly meaning: string;
}

function typeOf(node: SchemaNode): string {
  if (node.anyOf !== undefined) return node.anyOf.map(typeOf).join(' or ');
  if (node.enum !== undefined) return node.enum.map((value) => `\`${String(value)}\``).join(', ');
  if (node.title !== undefined) return node.title;
  if (node.type === 'array') return node.items === undefined ? 'list' : `list of ${typeOf(node.items)}`;
  if (node.type === 'integer') return 'whole number';
  if (node.type === 'boolean') return '`true`, `false`';
  if (node.type === 'string') return node.format === 'uri' ? 'URL' : 'text';
  return node.type ?? '';
}

function groupsBelow(node: SchemaNode): SchemaNode | undefined {
  if (node.type === 'object' && node.properties !== undefined) return node;
  return undefined;
}

function rowsOf(node: SchemaNode, prefix: string): Row[] {
  return Object.entries(node.properties ?? {}).flatMap(([name, child]) => {
    const setting = prefix === '' ? name : `${prefix}.${name}`;
    if (groupsBelow(child) !== undefined) return rowsOf(child, setting);
    const entry = typeof child.additionalProperties === 'object' ? child.additionalProperties : undefined;
    if (entry !== undefined && groupsBelow(entry) !== undefined) return rowsOf(entry, `${setting}.NAME`);
    const item = child.items === undefined ? undefined : groupsBelow(child.items);
    if (item !== undefined) return rowsOf(item, `${setting}[]`);
    const fallback = child.default === undefined ? '' : `\`${JSON.stringify(child.default).replaceAll('"', '')}\``;
    return [{ setting, type: typeOf(child), fallback, meaning: child.description ?? '' }];
  });
}

/** The configuration reference as a Markdown table, from the schema itself. */
export function configurationTable(): string {
  const root = z.toJSONSchema(configurationSchema, { io: 'input' }) as SchemaNode;
  const cell = (text: string) => text.replaceAll('|', '\\|');
  const rows = rowsOf(root, '').map(
    (row) => `| \`${row.setting}\` | ${cell(row.type)} | ${cell(row.fallback)} | ${cell(row.meaning)} |`,
  );
  return ['| setting | value | default | meaning |', '|---|---|---|---|', ...rows].join('\n');
}

const begin = '<!-- configuration table: begin (npm run docs:config writes it) -->';
const end = '<!-- configuration table: end -->';

/** The document with its table replaced by the schema's. Throws when the markers are not there. */
export function withConfigurationTable(markdown: string): string {
  const from = markdown.indexOf(begin);
  const to = markdown.indexOf(end);
  if (from < 0 || to < from) throw new Error(`the markers "${begin}" and "${end}" are missing`);
  return `${markdown.slice(0, from + begin.length)}\n${configurationTable()}\n${markdown.slice(to)}`;
}
