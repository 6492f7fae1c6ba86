import type { Clock, Timer } from '../base/clock.ts';
import { ConfigError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { reasonOf } from '../base/thrown.ts';
import { type GrantKeySettings, loadKeyGroups, withStoredKeys } from '../http/grant-keys.ts';
import { GrantVerifier, type KeyGroups } from '../http/grant-verifier.ts';
import { type KeyStoreContents, keysFolder, keyStoreVersion, readKeyStore } from '../stores/keys/key-store.ts';
import { type GuardedSettings, namedGroups } from './grant-settings.ts';

/** How often the folder is looked at: a revoked key is to open nothing a second later. A look reads no key. */
const lookIntervalMs = 500;

/** Which keys count, as it is told to who has changed them. */
export interface KeysInForce {
  /** Ids of the keys, by group. */
  readonly groups: Readonly<Record<string, readonly string[]>>;
  /** Groups that a behaviour asks for. */
  readonly asked: readonly string[];
}

interface WatchSurroundings {
  readonly clock: Clock;
  readonly log: Log;
  /** Without one there are the keys of the settings only. */
  readonly dataFolder?: string;
}

/**
 * The keys of an edge: those that its settings name, and those of the key store in its data folder, which it follows.
 * Where no behaviour asks for a grant, nothing is looked at.
 */
export class KeyWatch {
  readonly verifier: GrantVerifier;
  readonly #configured: KeyGroups;
  readonly #asked: readonly string[];
  readonly #folder: string | undefined;
  readonly #clock: Clock;
  readonly #log: Log;
  #version: string | undefined;
  #inForce: KeyGroups;
  #reported = '';
  #timer: Timer | undefined;

  /** Throws a `ConfigError` when a key cannot be used, and when a behaviour asks for a group that is nowhere. */
  constructor(settings: GrantKeySettings & GuardedSettings, { clock, log, dataFolder }: WatchSurroundings) {
    this.#clock = clock;
    this.#log = log;
    this.#asked = [...new Set(namedGroups(settings).map(({ group }) => group))];
    this.#folder = dataFolder === undefined || this.#asked.length === 0 ? undefined : keysFolder(dataFolder);
    this.#configured = loadKeyGroups(settings);
    // Before the keys are read: what comes meanwhile is found by the next look.
    this.#version = this.#folder === undefined ? undefined : keyStoreVersion(this.#folder);
    this.#inForce = keyGroupsAtStart(settings, this.#configured, this.#folder);
    this.verifier = new GrantVerifier(this.#inForce);
    this.#warnOfEmptyGroups();
    if (this.#folder !== undefined) this.#lookLater(this.#folder);
  }

  /** Looks now. What it tells is in force. */
  look(): KeysInForce {
    if (this.#folder !== undefined) this.#look(this.#folder);
    const groups = [...this.#inForce].map(([name, keys]) => [name, [...keys.keys()]] as const);
    return { groups: Object.fromEntries(groups), asked: this.#asked };
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #lookLater(folder: string): void {
    this.#timer = this.#clock.after(lookIntervalMs, () => {
      this.#lookLater(folder);
      this.#look(folder);
    });
  }

  #look(folder: string): void {
    let stored: KeyStoreContents;
    try {
      const version = keyStoreVersion(folder);
      if (version === this.#version) return;
      stored = readKeyStore(folder);
      this.#version = version;
    } catch (error) {
      // A folder that is gone has no keys; one that cannot be read now says nothing.
      this.#warnOnce([reasonOf(error)]);
      return;
    }
    this.#inForce = withStoredKeys(this.#configured, stored.groups);
    this.verifier.replaceKeys(this.#inForce);
    const keys = [...stored.groups].map(
      ([group, members]) => `${group}: ${members.map(({ id }) => id).join(', ') || 'none'}`,
    );
    this.#log.info({ folder, keys }, 'The keys for signed URLs were replaced');
    this.#warnOnce(stored.findings);
    this.#warnOfEmptyGroups();
  }

  #warnOnce(problems: readonly string[]): void {
    const text = problems.join('; ');
    if (text !== '' && text !== this.#reported) {
      this.#log.warn({ code: 'KEYS_UNUSABLE' }, `Some keys for signed URLs are not used: ${text}`);
    }
    this.#reported = text;
  }

  #warnOfEmptyGroups(): void {
    for (const group of this.#asked) {
      if ((this.#inForce.get(group)?.size ?? 0) > 0) continue;
      this.#log.warn({ code: 'KEY_GROUP_EMPTY', group }, `Key group ${group} has no key: it lets nobody in`);
    }
  }
}

/**
 * The keys that count at the start. Throws a `ConfigError` with everything that is wrong with them, and when a behaviour
 * asks for a group that is neither in the settings nor in `folder`.
 */
export function keyGroupsAtStart(
  settings: GuardedSettings,
  configured: KeyGroups,
  folder: string | undefined,
): KeyGroups {
  const stored = folder === undefined ? undefined : readKeyStore(folder);
  const groups = withStoredKeys(configured, stored?.groups ?? new Map());
  const findings = [...(stored?.findings ?? [])];
  const known = [...groups.keys()].join(', ') || 'none';
  for (const { setting, group } of namedGroups(settings)) {
    if (groups.has(group)) continue;
    findings.push(
      `${setting}: there is no key group "${group}" (there: ${known}): make it with "streamfront keys create --group ${group}", or name its keys in edge.keyGroups`,
    );
  }
  if (findings.length > 0) throw new ConfigError('Keys for signed URLs cannot be used:', findings);
  return groups;
}
