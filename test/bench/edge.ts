import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { benchPrograms, programs } from '../../scripts/system-programs.mjs';
import { makeCertificate } from '../support/certificates.ts';
import { fillingRows } from './filling.ts';
import type { Bench } from './bench.ts';
import { type Contender, hitRows, p99Row } from './edge-rows.ts';
import { fillCache } from './filled-cache.ts';
import { inTurn, medianSample } from './in-turn.ts';
import { buildTlsLoadGenerator, type HttpLoad, loadServer } from './load-generator.ts';
import { startNginxCache } from './nginx-cache.ts';
import { whyNotPinned } from './processor.ts';
import type { BenchRow } from './report.ts';
import type { ServerProcess } from './server-process.ts';
import { startSizedOrigin } from './sized-origin.ts';
import { startStreamFrontEdge } from './streamfront-edge.ts';
import { startVarnishCache } from './varnish-cache.ts';

/** What a hit is to reach of the peers' rates. */
const sizes = [
  { name: '1 kB', group: '1kB', bytes: 1_000, ofNginx: 1.5, ofVarnish: 2 },
  { name: '100 kB', group: '100kB', bytes: 100_000, ofNginx: 0.75, ofVarnish: 1.3 },
  { name: '1 MB', group: '1MB', bytes: 1_000_000, ofNginx: 0.8, ofVarnish: 1.05 },
];
const ofNginxOverTls = 0.9;
const connections = 64;
const manyConnections = 1_000;
const fullScale = { rounds: 3, warmUpSeconds: 0.5, measuredSeconds: 2, fixedRateSeconds: 5 };
const quickScale = { rounds: 1, warmUpSeconds: 0.2, measuredSeconds: 0.5, fixedRateSeconds: 1 };
const isHit = 'X-Cache: Hit';

/**
 * A hit in the edge's memory through its whole way (behaviour match, policy, access log, metrics) against a hit in
 * nginx's proxy_cache, as it comes and tuned by hand, and in Varnish, all in front of the same origin. The files of
 * nginx's cache are in the page cache of the system: they have just been written. Targets count from nginx as it comes.
 */
export const edgeBench: Bench = {
  name: 'edge',
  description: "a cache hit of 1 kB, 100 kB and 1 MB: our edge against nginx's proxy_cache and Varnish, over TLS too",
  programs: [programs.gcc, programs.nginx, benchPrograms.varnish, benchPrograms.opensslHeaders],

  groups: [...sizes.map(({ group }) => group), 'tls', 'filling'],

  async run(workFolder, quick, wants) {
    const { rounds, warmUpSeconds, measuredSeconds, fixedRateSeconds } = quick ? quickScale : fullScale;
    const generator = await buildTlsLoadGenerator();
    const folder = (name: string) => {
      mkdirSync(join(workFolder, name), { recursive: true });
      return join(workFolder, name);
    };
    const certificate = await makeCertificate(workFolder, 'localhost');
    await using origin = await startSizedOrigin();
    await using ours = await startStreamFrontEdge(folder('streamfront'), origin.port, {}, certificate);
    await using nginx = await startNginxCache(folder('nginx'), origin.port, 'default', certificate);
    await using tunedNginx = await startNginxCache(folder('tuned-nginx'), origin.port, 'tuned');
    await using varnish = await startVarnishCache(folder('varnish'), origin.port);
    const servers = { ours, nginx, 'tuned nginx': tunedNginx, varnish };
    type ServerName = keyof typeof servers;

    /** Every server in turn, several times; gives them by name. */
    const contend = async (
      names: readonly ServerName[],
      load: HttpLoad,
      times: number,
    ): Promise<(name: ServerName) => Contender> => {
      const measure = async (server: ServerProcess) => {
        await loadServer(generator, server, { ...load, seconds: warmUpSeconds });
        return loadServer(generator, server, load);
      };
      const turns = await inTurn(times, new Map(names.map((name) => [name, () => measure(servers[name])])));
      return (name) => ({ name, turns: turns.get(name) });
    };
    const all: readonly ServerName[] = ['ours', 'nginx', 'tuned nginx', 'varnish'];

    const rows: BenchRow[] = [];
    for (const { name, bytes, ofNginx, ofVarnish } of sizes.filter(({ group }) => wants(group))) {
      const path = `/${bytes}`;
      await Promise.all(all.map((server) => fillCache(servers[server], path, bytes)));
      const closed: HttpLoad = { path, connections, seconds: measuredSeconds, expect: isHit };
      const saturated = await contend(all, closed, rounds);
      rows.push(
        ...hitRows(`hit of ${name}`, saturated('ours'), saturated('nginx'), ofNginx),
        ...hitRows(`hit of ${name}`, saturated('ours'), saturated('tuned nginx'), undefined),
        ...hitRows(`hit of ${name}`, saturated('ours'), saturated('varnish'), ofVarnish),
      );
      const { turns } = saturated('nginx');
      if (turns?.kind === 'measured') {
        // Of nginx's saturation, so that the rate is the same for both.
        const rate = medianSample(turns.samples).requestsPerSecond / 3;
        const paced = await contend(['ours', 'nginx'], { ...closed, rate, seconds: fixedRateSeconds }, rounds);
        rows.push(p99Row(`hit of ${name} at ${Math.round(rate)}/s`, paced('ours'), paced('nginx')));
      }
      const crowded = await contend(['ours', 'nginx'], { ...closed, connections: manyConnections }, 1);
      rows.push(
        ...hitRows(`hit of ${name}, ${manyConnections} connections`, crowded('ours'), crowded('nginx'), undefined),
      );
    }
    if (wants('tls')) {
      const [path, bytes] = ['/1000000', 1_000_000];
      await Promise.all([ours, nginx].map((server) => fillCache(server, path, bytes)));
      const load: HttpLoad = { path, connections, seconds: measuredSeconds, expect: isHit, tls: true };
      const overTls = await contend(['ours', 'nginx'], load, rounds);
      rows.push(...hitRows('hit of 1 MB over TLS', overTls('ours'), overTls('nginx'), ofNginxOverTls));
    }
    if (wants('filling')) rows.push(...(await fillingRows(folder('filling'), rounds)));
    const pinning = whyNotPinned() ?? 'servers on one core, load on another';
    const method = `${connections} keep-alive connections, medians of ${rounds} rounds of ${measuredSeconds} s, ${pinning}`;
    return { bench: 'edge', peerName: 'peer', method, rows };
  },
};
