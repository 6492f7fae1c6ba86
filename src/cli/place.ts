import { resolve } from 'node:path';
import type { Command } from 'commander';
import { ControlClient } from '../control/control-client.ts';
import { keysFolder } from '../stores/keys/key-store.ts';
import { type ConfigurationFlags, loadConfiguration } from './configuration.ts';
import type { Configuration } from './configuration-schema.ts';

/** By what a command finds the edge that it is about: its data folder, or the configuration that names that. */
export type PlaceFlags = Pick<ConfigurationFlags, 'config' | 'data'>;

export interface Place {
  readonly configuration: Configuration;
  /** Absolute; it may not be there yet. */
  readonly dataFolder: string;
  /** Where its key groups lie. */
  readonly keysFolder: string;
}

/** Throws a `ConfigError` for a configuration that cannot be used. */
export function placeOf(flags: PlaceFlags): Place {
  const { configuration } = loadConfiguration(flags);
  const dataFolder = resolve(configuration.data);
  return { configuration, dataFolder, keysFolder: keysFolder(dataFolder) };
}

/** For a command that is told to the running edge. Throws as `placeOf`. */
export function runningEdge(flags: PlaceFlags): ControlClient {
  return new ControlClient(placeOf(flags).dataFolder);
}

/** Lets a command that is told to the running edge take `PlaceFlags`. */
export function withRunningEdge(command: Command): Command {
  return command
    .option('--data <folder>', 'data folder of the running edge (default: as its configuration says, else data)')
    .option('--config <file>', 'configuration file of the running edge (default: streamfront.yaml, if it is there)');
}
