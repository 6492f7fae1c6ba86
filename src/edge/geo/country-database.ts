import { readFile, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { setImmediate } from 'node:timers/promises';
import type { Clock, Timer } from '../../base/clock.ts';
import { ConfigError } from '../../base/errors.ts';
import { parseIpAddress } from '../../base/ip-address.ts';
import type { Log } from '../../base/log.ts';
import { RecentEntries } from '../../base/recent-entries.ts';
import { reasonOf } from '../../base/thrown.ts';
import { Mmdb } from '../../formats/mmdb/mmdb.ts';
import { fileVersion } from '../../http/followed-files.ts';
import { countryOfRecord } from '../../policy/geo/country.ts';

/** Tells countries by address. */
export interface Countries {
  /** ISO 3166-1 alpha-2; `undefined` where it is not known. */
  of(address: string | undefined): string | undefined;
}

export interface CountryDatabaseOptions {
  /** An MMDB file. If left out, the one that is installed with the packages. */
  readonly file: string | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/** An optional dependency of this package. */
const defaultDatabase = '@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb';

/** How often the file is looked at: a look is one `stat`. */
const lookIntervalMs = 10_000;
/** A larger one has more in it than countries and cities. */
const maxFileBytes = 536_870_912;
/** So many nodes are checked in one go: a few milliseconds. */
const nodesPerTurn = 65_536;
/** Twice so many addresses need not be looked up again. */
const keptAddresses = 16_384;
/** Twice so many records need not be read again: there is one for each country, or one for each town. */
const keptRecords = 4_096;

/** A database that says of an address in which country it is, read again when its file changes. */
export class CountryDatabase implements Countries {
  readonly #file: string;
  readonly #options: CountryDatabaseOptions;
  #known: KnownCountries;
  #version: string;
  #timer: Timer | undefined;

  private constructor(options: CountryDatabaseOptions, file: string, version: string, known: KnownCountries) {
    this.#options = options;
    this.#file = file;
    this.#version = version;
    this.#known = known;
    this.#lookLater();
  }

  /** Throws a `ConfigError` when there is no database, and when it cannot be used. */
  static async open(options: CountryDatabaseOptions): Promise<CountryDatabase> {
    const file = options.file ?? installedDatabase();
    const version = fileVersion(file);
    return new CountryDatabase(options, file, version, new KnownCountries(await configuredDatabase(file)));
  }

  of(address: string | undefined): string | undefined {
    return address === undefined ? undefined : this.#known.of(address);
  }

  /** The file is not looked at any more. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #lookLater(): void {
    this.#timer = this.#options.clock.after(lookIntervalMs, () => {
      this.#look().then(
        () => {
          if (this.#timer !== undefined) this.#lookLater();
        },
        (error: unknown) => this.#options.log.error({ err: error }, 'the country database is not looked at any more'),
      );
    });
  }

  async #look(): Promise<void> {
    const { log } = this.#options;
    const version = fileVersion(this.#file);
    if (version === this.#version) return;
    // One that is being written changes once more.
    this.#version = version;
    try {
      const known = new KnownCountries(await checkedDatabase(this.#file));
      if (this.#timer === undefined) return;
      this.#known = known;
      log.info({ file: this.#file }, 'The country database was replaced');
    } catch (error) {
      const fields = { code: 'COUNTRY_DATABASE_UNUSABLE', file: this.#file };
      log.warn(fields, `The country database in use stays: ${reasonOf(error)}`);
    }
  }
}

/** Which file it is, and what that calls itself. Throws as `CountryDatabase.open`. */
export async function checkCountryDatabase(
  file: string = installedDatabase(),
): Promise<{ readonly file: string; readonly databaseType: string }> {
  const { metadata } = await configuredDatabase(file);
  return { file, databaseType: metadata.databaseType };
}

/** What one state of the file says. */
class KnownCountries {
  readonly #database: Mmdb;
  /** By address; empty: not known. */
  readonly #addresses = new RecentEntries<string>(keptAddresses);
  /** By where their record lies, likewise. */
  readonly #records = new RecentEntries<string>(keptRecords);

  constructor(database: Mmdb) {
    this.#database = database;
  }

  of(address: string): string | undefined {
    let country = this.#addresses.get(address);
    if (country === undefined) {
      country = this.#find(address);
      this.#addresses.set(address, country);
    }
    return country === '' ? undefined : country;
  }

  #find(address: string): string {
    const bytes = parseIpAddress(address);
    const record = bytes === undefined ? undefined : this.#database.find(bytes);
    if (record === undefined) return '';
    const name = String(record);
    let country = this.#records.get(name);
    if (country === undefined) {
      country = countryAt(this.#database, record) ?? '';
      this.#records.set(name, country);
    }
    return country;
  }
}

function countryAt(database: Mmdb, record: number): string | undefined {
  try {
    return countryOfRecord(database.value(record));
  } catch {
    // Records of a large database are not all read when it is opened. Who is nowhere known is served.
    return undefined;
  }
}

async function configuredDatabase(file: string): Promise<Mmdb> {
  try {
    return await checkedDatabase(file);
  } catch (error) {
    throw new ConfigError('The country database cannot be used:', [
      `edge.countryDatabase: ${file}: ${reasonOf(error)}`,
    ]);
  }
}

/** Every node of its tree, and as many of its records as a database of countries has. Throws for what is broken. */
async function checkedDatabase(file: string): Promise<Mmdb> {
  const { size } = await stat(file);
  if (size > maxFileBytes) throw new RangeError(`it has ${size} bytes, more than ${maxFileBytes}`);
  const database = new Mmdb(await readFile(file));
  const { nodeCount } = database.metadata;
  const records = new Set<number>();
  let isCountry = false;
  for (let node = 0; node < nodeCount; node += nodesPerTurn) {
    for (const record of database.dataOffsets(node, node + nodesPerTurn)) {
      if (records.size >= keptRecords || records.has(record)) continue;
      records.add(record);
      isCountry = countryOfRecord(database.value(record)) !== undefined || isCountry;
    }
    // In between others have their turn.
    await setImmediate();
  }
  if (!isCountry) throw new RangeError('it says nothing about countries');
  return database;
}

/** `resolve`: finds files of installed packages. Throws a `ConfigError` when there is none. */
export function installedDatabase(resolve: (name: string) => string = createRequire(import.meta.url).resolve): string {
  try {
    return resolve(defaultDatabase);
  } catch {
    throw new ConfigError('There is no country database:', [
      'edge.countryDatabase: the optional package @ip-location-db/geo-whois-asn-country-mmdb is not installed; say where an MMDB file with countries is (such as GeoLite2-Country.mmdb), or run `npm install` without --omit=optional',
    ]);
  }
}
