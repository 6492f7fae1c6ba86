import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  asCookies,
  cannedGrant,
  customGrant,
  type GrantSigner,
  grantSigner,
  policyFor,
  trusting,
} from '../support/grant-signer.ts';
import { type Contender, hitRows } from './edge-rows.ts';
import { fillCache } from './filled-cache.ts';
import { inTurn, median } from './in-turn.ts';
import { buildLoadGenerator, type HttpLoad, loadServer } from './load-generator.ts';
import { secureLink, startNginxCache } from './nginx-cache.ts';
import { exactCpuSeconds } from './process-figures.ts';
import type { BenchRow } from './report.ts';
import type { ServerProcess } from './server-process.ts';
import { startSizedOrigin } from './sized-origin.ts';
import { startStreamFrontEdge } from './streamfront-edge.ts';

const bytes = 1_000;
const ofUnsigned = 0.9;
const viewers = 1_000;
const connections = 64;
const isHit = 'X-Cache: Hit';
const openPath = `/${bytes}/open/film`;
const guardedPath = `/${bytes}/guarded/film`;
const links = { below: `/${bytes}/guarded/`, secret: 'of the bench' };
const fullScale = { rounds: 3, warmUpSeconds: 0.5, seconds: 2, newGrants: 2_000 };
const quickScale = { rounds: 1, warmUpSeconds: 0.2, seconds: 0.5, newGrants: 300 };
const groups = ['hits', 'new-hits', 'limits'] as const;

/** A server, what is asked of it, and by how many grants: each is new to it once, which is for another row. */
type Loaded = readonly [server: ServerProcess, load: Partial<HttpLoad> & { readonly path: string }, grants?: number];

/** Hits of 1 kB in memory with a grant against hits without one, at our edge and with nginx's `secure_link`. */
export async function grantHitRows(
  folder: (name: string) => string,
  quick: boolean,
  wants: (group: string) => boolean,
): Promise<BenchRow[]> {
  if (!groups.some(wants)) return [];
  const { rounds, warmUpSeconds, seconds, newGrants } = quick ? quickScale : fullScale;
  const generator = await buildLoadGenerator();
  const signers = { 'RSA-2048': grantSigner('rsa', 'KRSA'), 'ECDSA P-256': grantSigner('ec', 'KEC') };
  const behaviours = [{ path: `${links.below}*`, trustedKeyGroups: ['viewers'] }, { path: '*' }];
  const settings = { ...trusting({ viewers: Object.values(signers) }), distributions: [{ name: 'bench', behaviours }] };
  await using origin = await startSizedOrigin();
  await using ours = await startStreamFrontEdge(folder('streamfront'), origin.port, settings);
  const beginSeconds = Math.ceil(Date.now() / 1_000) + 86_400;
  const listOf = (name: string, paths: readonly string[]) => {
    const file = join(folder('paths'), name);
    writeFileSync(file, `${paths.join('\n')}\n`);
    return file;
  };
  let ends = beginSeconds;
  /** Path and query with a canned grant that no other viewer has. */
  const signed = (signer: GrantSigner): string => {
    const url = `http://127.0.0.1:${ours.port}${guardedPath}`;
    return `${guardedPath}?${cannedGrant(signer, url, ends++)}`;
  };
  const signedPaths = (signer: GrantSigner, count: number) => Array.from({ length: count }, () => signed(signer));
  /** The same addresses, below a path where nobody needs a grant. */
  const unguarded = (paths: readonly string[]) => paths.map((path) => path.replace(guardedPath, openPath));

  const contend = async (loads: Record<string, Loaded>): Promise<(name: string) => Contender> => {
    const measure = async ([server, load, grants]: Loaded) => {
      const whole = { connections, seconds, expect: isHit, ...load };
      const warmUp = grants === undefined ? { seconds: warmUpSeconds } : { seconds: 20, requests: 2 * grants };
      await loadServer(generator, server, { ...whole, ...warmUp });
      return loadServer(generator, server, whole);
    };
    const names = Object.entries(loads).map(([name, load]) => [name, () => measure(load)] as const);
    const turns = await inTurn(rounds, new Map(names));
    return (name) => ({ name, turns: turns.get(name) });
  };

  /** What a request costs that brings a grant which is new, beyond the same one where nobody needs a grant. */
  const newGrantRow = async (kind: string, signer: GrantSigner): Promise<BenchRow> => {
    const cost = async (paths: string): Promise<number> => {
      const before = exactCpuSeconds(ours.pid);
      const load = { path: '/', paths, connections, seconds: 20, requests: newGrants, expect: isHit };
      await loadServer(generator, ours, load);
      return ((exactCpuSeconds(ours.pid) - before) * 1e6) / newGrants;
    };
    const differences: number[] = [];
    for (let round = 0; round <= rounds; round++) {
      // More than are counted: each connection has asked once more by the end.
      const guarded = signedPaths(signer, newGrants + connections);
      const without = await cost(listOf('open', unguarded(guarded)));
      const difference = (await cost(listOf('new', guarded))) - without;
      // The first is for the compiler.
      if (round > 0) differences.push(difference);
    }
    return {
      name: `a new grant over HTTP, ${kind}: what it adds to a hit`,
      value: median(differences),
      unit: 'µs/request',
      peer: null,
      better: 'lower',
      target: kind === 'RSA-2048' ? { of: 'value', bound: 150 } : null,
      notes: [],
    };
  };

  const rows: BenchRow[] = [];
  const rsa = signers['RSA-2048'];
  const oneUrl = signed(rsa);
  await fillCache(ours, openPath, bytes);
  await fillCache(ours, oneUrl, bytes);
  if (wants('hits')) {
    await using nginx = await startNginxCache(folder('nginx'), origin.port, 'default', undefined, links);
    const link = (i: number) => secureLink(links, guardedPath, beginSeconds + i);
    await fillCache(nginx, openPath, bytes);
    await fillCache(nginx, link(0), bytes);
    const policy = policyFor(`http://127.0.0.1:${ours.port}${links.below}*`, beginSeconds);
    const byRsa = signedPaths(rsa, viewers);
    const byEcdsa = signedPaths(signers['ECDSA P-256'], 10 * viewers);
    const list = (name: string, paths: readonly string[]): Loaded => [
      ours,
      { path: guardedPath, paths: listOf(name, paths) },
      paths.length,
    ];
    const result = await contend({
      unsigned: [ours, { path: openPath }],
      'one URL': [ours, { path: oneUrl }],
      '1,000 URLs, RSA': list('rsa', byRsa),
      '1,000 URLs, ECDSA': list('ecdsa', byEcdsa.slice(0, viewers)),
      '10,000 URLs, ECDSA': list('many', byEcdsa),
      'the same 1,000 URLs, unguarded': list('unguarded', unguarded(byRsa)),
      cookies: [ours, { path: guardedPath, field: `Cookie: ${asCookies(customGrant(rsa, policy))}` }],
      'nginx, unsigned': [nginx, { path: openPath }],
      'nginx, one secure link': [nginx, { path: link(0) }],
      'nginx, 1,000 secure links': [
        nginx,
        {
          path: guardedPath,
          paths: listOf(
            'links',
            Array.from({ length: viewers }, (_, i) => link(i)),
          ),
        },
      ],
    });
    const unsigned = result('unsigned');
    for (const name of ['one URL', '1,000 URLs, RSA', '1,000 URLs, ECDSA']) {
      rows.push(...hitRows(`signed hit, ${name}`, result(name), unsigned, ofUnsigned));
    }
    const sameUrls = result('the same 1,000 URLs, unguarded');
    rows.push(...hitRows('signed hit, 1,000 URLs, RSA', result('1,000 URLs, RSA'), sameUrls, undefined));
    for (const name of ['10,000 URLs, ECDSA', 'cookies']) {
      rows.push(...hitRows(`signed hit, ${name}`, result(name), unsigned, undefined));
    }
    rows.push(
      ...hitRows('signed hit, one URL', result('one URL'), result('nginx, one secure link'), undefined),
      ...hitRows('signed hit, 1,000 URLs', result('1,000 URLs, RSA'), result('nginx, 1,000 secure links'), undefined),
      ...hitRows(
        'nginx by itself: one secure link',
        result('nginx, one secure link'),
        result('nginx, unsigned'),
        undefined,
      ),
    );
  }
  if (wants('new-hits')) {
    for (const [kind, signer] of Object.entries(signers)) {
      rows.push(await newGrantRow(kind, signer));
    }
  }
  if (wants('limits')) {
    const limited = [
      { name: 'bench', behaviours: [{ path: '*' }], limits: { perAddress: { requestsPerSecond: 1e6 } } },
    ];
    await using edge = await startStreamFrontEdge(folder('limited'), origin.port, {
      limits: { exempt: [] },
      distributions: limited,
    });
    await fillCache(edge, openPath, bytes);
    const result = await contend({
      'limits off': [ours, { path: openPath }],
      'limits on': [edge, { path: openPath }],
    });
    rows.push(...hitRows('hit with limits on requests', result('limits on'), result('limits off'), undefined));
  }
  return rows;
}
