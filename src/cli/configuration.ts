import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Document, LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { ConfigError } from '../base/errors.ts';
import { reasonOf } from '../base/thrown.ts';
import { publishSafety } from '../policy/publish-credentials.ts';
import { findingsOf, type KnownSettings } from './configuration-findings.ts';
import { type Configuration, configurationSchema, type Role } from './configuration-schema.ts';
import { tlsFindings } from './tls-check.ts';

/** What the command line may say; each flag beats the file. */
export interface ConfigurationFlags {
  readonly config?: string;
  readonly data?: string;
  readonly role?: readonly Role[];
  readonly httpPort?: number;
  /** What encoders and players see: the edge's if the edge role runs, else the origin's. */
  readonly rtmpPort?: number;
  readonly originRtmpPort?: number;
  readonly originHttpPort?: number;
  readonly controlPort?: number;
  readonly demo?: boolean;
}

export interface LoadedConfiguration {
  /** Absolute path of the file that was read, if there was one. */
  readonly file: string | undefined;
  readonly configuration: Configuration;
  /** Whether the file says which origin servers there are; if not, the edge uses the origin role of this process. */
  readonly originsConfigured: boolean;
}

const defaultFile = 'streamfront.yaml';

type Tree = Record<string, unknown>;

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readFile(flags: ConfigurationFlags): { file: string; text: string } | undefined {
  const file = resolve(flags.config ?? defaultFile);
  if (flags.config === undefined && !existsSync(file)) return undefined;
  try {
    return { file, text: readFileSync(file, 'utf8') };
  } catch (cause) {
    const reason = reasonOf(cause);
    throw new ConfigError(`the configuration file cannot be read`, [`${file}: ${reason}`]);
  }
}

/** What is wrong and where; what stands there may be a secret. */
function yamlProblem(message: string): string {
  return (message.split('\n')[0] ?? message).replace(/: .*(?= at line \d+)/, '').replace(/:$/, '');
}

function contentOf(document: Document, where: string): unknown {
  try {
    return document.toJS();
  } catch {
    throw new ConfigError(`${where} is not valid YAML`, [
      'a text that begins with * stands for another place in the file, and there is none of that name: write it between quotes',
    ]);
  }
}

/** Puts a value where the flag belongs, unless something there is no group: then the schema will say so. */
function override(tree: Tree, path: readonly string[], value: unknown): void {
  const [step, ...rest] = path;
  if (value === undefined || step === undefined) return;
  if (rest.length === 0) {
    tree[step] = value;
    return;
  }
  tree[step] ??= {};
  const below = tree[step];
  if (isTree(below)) override(below, rest, value);
}

/** Before the schema has been asked: whatever else stands there, it will say. */
function edgeRuns(tree: Tree): boolean {
  const { roles } = tree;
  return !Array.isArray(roles) || roles.includes('edge');
}

function applyFlags(tree: Tree, flags: ConfigurationFlags): void {
  override(tree, ['data'], flags.data);
  override(tree, ['roles'], flags.role);
  override(tree, ['demo'], flags.demo);
  override(tree, ['edge', 'http', 'port'], flags.httpPort);
  override(tree, [edgeRuns(tree) ? 'edge' : 'origin', 'rtmp', 'port'], flags.rtmpPort);
  override(tree, ['origin', 'rtmp', 'port'], flags.originRtmpPort);
  override(tree, ['origin', 'http', 'port'], flags.originHttpPort);
  override(tree, ['control', 'http', 'port'], flags.controlPort);
}

interface SchemaNode {
  readonly properties?: Record<string, SchemaNode>;
  readonly items?: SchemaNode;
  readonly additionalProperties?: SchemaNode | boolean;
}

const knownSettings: KnownSettings = (path) => {
  let node: SchemaNode | undefined = z.toJSONSchema(configurationSchema, { io: 'input' }) as SchemaNode;
  for (const step of path) {
    const named: SchemaNode | boolean | undefined =
      typeof step === 'number' ? node?.items : (node?.properties?.[String(step)] ?? node?.additionalProperties);
    node = typeof named === 'object' ? named : undefined;
  }
  return Object.keys(node?.properties ?? {});
};

/** Two listeners of this process that want the same port. */
function listenConflicts({ roles, origin, edge, control }: Configuration): string[] {
  const listeners = [
    ...(roles.includes('origin')
      ? [
          { setting: 'origin.http.port', ...origin.http },
          ...(origin.https === undefined ? [] : [{ setting: 'origin.https.port', ...origin.https }]),
          { setting: 'origin.rtmp.port', ...origin.rtmp },
          ...(origin.rtmps === undefined ? [] : [{ setting: 'origin.rtmps.port', ...origin.rtmps }]),
        ]
      : []),
    ...(roles.includes('edge')
      ? [
          { setting: 'edge.http.port', ...edge.http },
          { setting: 'edge.rtmp.port', ...edge.rtmp },
          ...(edge.rtmps === undefined ? [] : [{ setting: 'edge.rtmps.port', ...edge.rtmps }]),
          { setting: 'control.http.port', ...control.http },
        ]
      : []),
  ];
  return listeners.flatMap((listener, index) => {
    const other = listeners.slice(0, index).find(({ port }) => port !== 0 && port === listener.port);
    if (other === undefined) return [];
    return [`${listener.setting}: ${listener.port} is also ${other.setting}; give one of them another`];
  });
}

/** With both roles in one process the edge finds the origin by itself, but has no certificate to show. */
function selfFindings({ roles, origin }: Configuration, originsConfigured: boolean): string[] {
  if (originsConfigured || roles.length < 2 || origin.access.kind !== 'mtls') return [];
  return [
    'origin.access.kind is "mtls", but the edge of this process has no certificate: write edge.origins.main with the https:// URL of this origin, certificate and key, or take "signed"',
  ];
}

/**
 * Reads the configuration: the file (`--config`, else `streamfront.yaml` in this folder if it is there), with the
 * flags on top. Throws a `ConfigError` with everything that is wrong, at once.
 */
export function loadConfiguration(flags: ConfigurationFlags): LoadedConfiguration {
  const read = readFile(flags);
  const lines = new LineCounter();
  const document = parseDocument(read?.text ?? '', { lineCounter: lines });
  const where = read?.file ?? 'the command line';
  if (document.errors.length > 0) {
    throw new ConfigError(
      `${where} is not valid YAML`,
      document.errors.map(({ message }) => yamlProblem(message)),
    );
  }
  const content: unknown = contentOf(document, where) ?? {};
  if (!isTree(content)) {
    throw new ConfigError(`${where} cannot be used`, ['the file must hold settings by name, such as "edge:"']);
  }
  const edge = content['edge'];
  const originsConfigured = isTree(edge) && edge['origins'] !== undefined;
  applyFlags(content, flags);

  const parsed = configurationSchema.safeParse(content, { reportInput: true });
  if (!parsed.success) {
    const source = read === undefined ? undefined : { document, lines };
    throw new ConfigError(`${where} cannot be used`, findingsOf(parsed.error, knownSettings, source));
  }
  const configuration = parsed.data;
  const conflicts = listenConflicts(configuration);
  if (configuration.roles.includes('origin')) conflicts.push(...publishSafety('origin', configuration.origin));
  if (configuration.roles.includes('edge')) conflicts.push(...publishSafety('edge', configuration.edge));
  conflicts.push(...selfFindings(configuration, originsConfigured), ...tlsFindings(configuration));
  if (conflicts.length > 0) throw new ConfigError(`${where} cannot be used`, conflicts);
  return { file: read?.file, configuration, originsConfigured };
}
