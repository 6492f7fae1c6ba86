import { sign, verify } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../src/cli/system-clock.ts';
import { CountryDatabase } from '../../src/edge/geo/country-database.ts';
import { decideGrant } from '../../src/edge/grant-admission.ts';
import { GrantTokens, type TokenSecrets } from '../../src/http/grant-tokens.ts';
import { GrantVerifier } from '../../src/http/grant-verifier.ts';
import { takeQueryGrant } from '../../src/policy/grants/presented-grant.ts';
import { parseRequestTarget, type RequestTarget } from '../../src/policy/request-target.ts';
import {
  asCookies,
  cannedGrant,
  customGrant,
  type GrantSigner,
  grantSigner,
  policyFor,
} from '../support/grant-signer.ts';
import { LogRecorder } from '../support/log-recorder.ts';
import { countryMmdb } from '../support/mmdb-writer.ts';
import type { DoorFigure, doorGroups } from './grants-door.ts';
import { median } from './in-turn.ts';

/**
 * `grants-door-child.ts FOLDER full|quick GROUP…`: what the door costs by itself, as JSON. Requests are prepared
 * beforehand, each round with strings of its own, as they come off a connection.
 */

const [folder = '', scale, ...groups] = process.argv.slice(2);
const quick = scale === 'quick';
const rounds = quick ? 1 : 7;
const grantsPerRound = quick ? 100 : 1_000;
const host = 'films.example';
const expiresSeconds = Math.ceil(systemClock.wallMs() / 1_000) + 86_400;
const guarded = { carryGrants: 'none', distribution: 'bench', trustedKeyGroups: ['viewers'] } as const;
const signers = { 'RSA-2048': grantSigner('rsa', 'KRSA'), 'ECDSA P-256': grantSigner('ec', 'KEC') };

interface PreparedRequest {
  readonly text: string;
  readonly target: RequestTarget & { kind: 'resource' };
  readonly cookie: string | undefined;
}

/** Path and query, and the Cookie field, of a viewer's request. */
type Written = readonly [text: string, cookie: string | undefined];

/** The same letters in a string that nobody has looked at. */
const afresh = (text: string): string => Buffer.from(text, 'latin1').toString('latin1');

function prepared([text, cookie]: Written): PreparedRequest {
  const target = parseRequestTarget(afresh(text));
  if (target.kind !== 'resource') throw new Error(`${text} is no resource`);
  return { text: afresh(text), target, cookie: cookie === undefined ? undefined : afresh(cookie) };
}

/** Microseconds of processor time that `act` takes for each item. */
function microsForEach<Item>(items: readonly Item[], act: (item: Item) => void): number {
  const before = process.cpuUsage();
  for (const item of items) act(item);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / items.length;
}

/** Nobody shows a token. */
const noSecrets: TokenSecrets = {
  signing: (_nowMs, until) => ({ secret: Buffer.alloc(32), expiresSeconds: until }),
  accepted: () => [],
};

function openDoor(): (request: PreparedRequest) => void {
  const keys = new Map(Object.values(signers).map(({ id, publicKey }) => [id, publicKey]));
  const door = {
    grants: new GrantVerifier(new Map([['viewers', keys]])),
    tokens: new GrantTokens(noSecrets),
  };
  return ({ text, target, cookie }) => {
    const comer = { text, host, secure: false, cookie, address: '192.0.2.1', nowMs: systemClock.wallMs() };
    const { kind } = decideGrant(door, guarded, target, takeQueryGrant(target.query), comer);
    if (kind !== 'granted') throw new Error(`${text} is refused`);
  };
}

const asUrl = (signer: GrantSigner, i: number): Written => {
  const path = `/films/${i}/index.m3u8`;
  return [`${path}?${cannedGrant(signer, `http://${host}${path}`, expiresSeconds)}`, undefined];
};

/** Another end for each viewer, so that no two grants are the same. */
const asCookie = (signer: GrantSigner, i: number): Written => [
  '/films/1/index.m3u8',
  asCookies(customGrant(signer, policyFor(`http://${host}/films/*`, expiresSeconds + i))),
];

/** All of 1,000 viewers again and again, none of them twice in a row. */
function repeatedFigures(): DoorFigure[] {
  return Object.entries(signers).flatMap(([kind, signer]) =>
    Object.entries({ URL: asUrl, cookies: asCookie }).map(([form, write]): DoorFigure => {
      const written = Array.from({ length: grantsPerRound }, (_, i) => write(signer, i));
      const open = openDoor();
      // Until the compiler has seen all there is; for the first time each signature is verified.
      for (let i = 0; i < 20; i++) for (const request of written) open(prepared(request));
      const micros = Array.from({ length: rounds }, () => {
        const again = Array.from({ length: 20 }, () => written.map(prepared)).flat();
        return microsForEach(again, open);
      });
      return {
        group: 'repeated',
        name: `a grant that comes again, ${kind}, ${form}`,
        micros: median(micros),
        peerMicros: undefined,
        bound: 5,
      };
    }),
  );
}

function newFigures(): DoorFigure[] {
  return Object.entries(signers).map(([kind, signer]): DoorFigure => {
    const written = Array.from({ length: grantsPerRound }, (_, i) => asUrl(signer, i));
    const text = Buffer.from('x'.repeat(120));
    const signature = sign('sha1', text, signer.privateKey);
    const own: number[] = [];
    const bare: number[] = [];
    for (let round = 0; round <= rounds; round++) {
      const requests = written.map(prepared);
      // Nothing is known to it.
      const ours = microsForEach(requests, openDoor());
      const alone = microsForEach(requests, () => verify('sha1', text, signer.publicKey, signature));
      // The first is for the compiler.
      if (round === 0) continue;
      own.push(ours);
      bare.push(alone);
    }
    return {
      group: 'new',
      name: `a new grant, ${kind}, URL`,
      micros: median(own),
      peerMicros: median(bare),
      bound: kind === 'RSA-2048' ? 150 : undefined,
    };
  });
}

/** A database as large as those of countries are: 262,144 networks beside each other, of 200 countries. */
async function openDatabase(): Promise<CountryDatabase> {
  const letters = 'ABCDEFGHIJKLMNOPQRST';
  const code = (i: number) => `${letters[i % 20]}${letters[Math.floor(i / 20) % 10]}`;
  const networks = quick ? 4_096 : 262_144;
  const ranges = Array.from({ length: networks }, (_, i): [string, string] => {
    const first = i * (2 ** 32 / networks);
    return [`${ipv4Text(first)}/${Math.log2(networks)}`, code(Math.imul(i, 2_654_435_761) >>> 16)];
  });
  const file = join(folder, 'countries.mmdb');
  writeFileSync(file, countryMmdb(Object.fromEntries(ranges)));
  return CountryDatabase.open({ file, clock: systemClock, log: new LogRecorder() });
}

const ipv4Text = (number: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.');

async function geoFigures(): Promise<DoorFigure[]> {
  const countries = await openDatabase();
  let next = 0;
  // Far apart; none twice in 2^32.
  const newAddress = () => afresh(ipv4Text((next = (next + 2_654_435_761) >>> 0)));
  const find = (address: string) => {
    if (countries.of(address) === undefined) throw new Error(`${address} is nowhere`);
  };
  const perRound = quick ? 2_000 : 100_000;
  const cold: number[] = [];
  const repeated: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const addresses = Array.from({ length: perRound }, newAddress);
    const coldMicros = microsForEach(addresses, find);
    const few = addresses.slice(-1_000);
    for (const address of few) find(address);
    const again = Array.from({ length: perRound / 1_000 }, () => few.map(afresh)).flat();
    const repeatedMicros = microsForEach(again, find);
    if (round === 0) continue;
    cold.push(coldMicros);
    repeated.push(repeatedMicros);
  }
  countries.close();
  const figure = { group: 'geo', peerMicros: undefined, bound: 2 } as const;
  return [
    { ...figure, name: 'country of an address that was never seen', micros: median(cold) },
    { ...figure, name: 'country of one of 1,000 addresses that come again', micros: median(repeated) },
  ];
}

const figuresOf: Record<(typeof doorGroups)[number], () => DoorFigure[] | Promise<DoorFigure[]>> = {
  repeated: repeatedFigures,
  new: newFigures,
  geo: geoFigures,
};
const figures: DoorFigure[] = [];
for (const group of ['repeated', 'new', 'geo'] as const) {
  if (groups.includes(group)) figures.push(...(await figuresOf[group]()));
}
process.stdout.write(JSON.stringify(figures));
