import type { UpstreamError } from '../base/errors.ts';
import { type FieldLines, fieldValues } from '../formats/http-fields/field-lines.ts';
import { endToEndFields } from '../formats/http-fields/hop-by-hop.ts';
import type { UpstreamExchange, UpstreamHandler } from '../http/upstream.ts';
import { isSafeMethod } from '../policy/methods.ts';
import { type EdgeIdentity, originRequestFields, passedThroughFields } from '../policy/origin-request.ts';
import { parseRequestTarget, type RequestTarget } from '../policy/request-target.ts';
import { addressOf, countryFields, forwardedRequest, protocolOf } from './asked.ts';
import { deliverInformation, deliverPlain, type Viewer } from './deliver.ts';
import { gatewayAnswer, refusals } from './error-page.ts';
import { fieldsWithoutGrant } from './grant-admission.ts';
import { shownFields } from './judge-response.ts';
import type { FetchSurroundings } from './origin-fetch.ts';
import { hasBody, RequestBody } from './request-body.ts';
import type { Behaviour, Route } from './routes.ts';
import { viewerFields } from './viewer-fields.ts';

/** What passing a request through works with. */
export interface PassingEdge extends FetchSurroundings {
  readonly identity: EdgeIdentity;
  readonly route: Route;
}

type Resource = RequestTarget & { kind: 'resource' };

/**
 * A request that no cache answers: streamed to the origin once and never again, its answer streamed back. If it may
 * have changed something, what is stored of it is dropped (RFC 9111 §4.4).
 */
export function passThrough(edge: PassingEdge, viewer: Viewer, behaviour: Behaviour, resource: Resource): void {
  new PassedRequest(edge, viewer, behaviour, resource).start();
}

class PassedRequest implements UpstreamHandler {
  readonly #edge: PassingEdge;
  readonly #viewer: Viewer;
  readonly #behaviour: Behaviour;
  readonly #resource: Resource;
  #exchange: UpstreamExchange | undefined;

  constructor(edge: PassingEdge, viewer: Viewer, behaviour: Behaviour, resource: Resource) {
    this.#edge = edge;
    this.#viewer = viewer;
    this.#behaviour = behaviour;
    this.#resource = resource;
  }

  start(): void {
    const { counters, identity } = this.#edge;
    const { request, response } = this.#viewer;
    counters.originRequests++;
    const passed = [
      ...fieldsWithoutGrant(this.#behaviour, passedThroughFields(request.rawHeaders)),
      ...countryFields(this.#viewer, this.#behaviour),
    ];
    const fields = forwardedRequest(this.#viewer, passed, protocolOf(this.#viewer));
    this.#exchange = this.#behaviour.upstream.fetch(
      {
        method: request.method ?? 'GET',
        target: addressOf(this.#behaviour, this.#resource).target,
        fields: originRequestFields(fields, identity, []),
        once: hasBody(request) ? { body: new RequestBody(this.#viewer, () => this.#giveUp()) } : {},
      },
      this,
    );
    response.on('drain', () => this.#exchange?.resume());
    response.on('close', () => this.#exchange?.abort());
  }

  onInformation(status: number, fields: FieldLines): void {
    deliverInformation(this.#viewer, status, endToEndFields(fields));
  }

  onHead(status: number, fields: FieldLines): void {
    const { request, response, edge, cors, requestId } = this.#viewer;
    this.#edge.counters.misses++;
    if (status < 400 && !isSafeMethod(request.method ?? '')) this.#dropStored(fields);
    const cacheStatus = { kind: 'forward', reason: 'method', status } as const;
    const lines = viewerFields(
      edge,
      shownFields(endToEndFields(fields), this.#behaviour),
      { xCache: status >= 400 ? 'Error' : 'Miss', cacheStatus },
      { ageMs: 0, cors, requestId },
    );
    const length = fieldValues(fields, 'content-length')[0];
    if (length !== undefined && status !== 204 && status !== 304) lines.push('Content-Length', length);
    // What is left of the request is not waited for: nobody wants it.
    if (!request.complete) response.shouldKeepAlive = false;
    response.writeHead(status, lines);
    // The head goes out now, also when the body lets itself be waited for.
    setImmediate(() => {
      if (!response.writableEnded && !response.destroyed) response.flushHeaders();
    });
  }

  onData(bytes: Buffer): void {
    if (!this.#viewer.response.write(Buffer.from(bytes))) this.#exchange?.pause();
  }

  onEnd(): void {
    this.#viewer.response.end();
  }

  onError(error: UpstreamError): void {
    const { counters, log } = this.#edge;
    const { request, response } = this.#viewer;
    counters.originErrors++;
    log.warn({ err: error, method: request.method }, 'a request could not be passed through');
    if (response.headersSent) {
      response.destroy();
      return;
    }
    counters.errors++;
    if (!request.complete) response.shouldKeepAlive = false;
    deliverPlain(this.#viewer, gatewayAnswer(error), { kind: 'forward', reason: 'method', detail: error.code });
  }

  /** The viewer sends too slowly. */
  #giveUp(): void {
    const { counters } = this.#edge;
    const { response } = this.#viewer;
    this.#exchange?.abort();
    if (response.headersSent) {
      response.destroy();
      return;
    }
    counters.errors++;
    response.shouldKeepAlive = false;
    deliverPlain(this.#viewer, refusals.bodyTooSlow);
  }

  /** The resource itself, and those of this host that Location and Content-Location name. */
  #dropStored(fields: FieldLines): void {
    const { bans, route, store } = this.#edge;
    const { authority, path } = this.#resource;
    const host = (authority ?? this.#viewer.request.headers.host ?? '').toLowerCase();
    const keys = new Set([addressOf(this.#behaviour, this.#resource).cacheKey]);
    for (const reference of [...fieldValues(fields, 'location'), ...fieldValues(fields, 'content-location')]) {
      const url = URL.parse(reference, `http://${host}${path}`);
      if (url === null || url.host !== URL.parse(`${url.protocol}//${host}`)?.host) continue;
      const named = parseRequestTarget(`${url.pathname}${url.search}`);
      const behaviour = named.kind === 'resource' ? route(host, named.path) : undefined;
      if (named.kind === 'resource' && typeof behaviour === 'object') keys.add(addressOf(behaviour, named).cacheKey);
    }
    for (const cacheKey of keys) {
      bans.outdate(cacheKey);
      store.remove(cacheKey);
    }
  }
}
