import type { IncomingMessage, ServerResponse } from 'node:http';
import { splitList } from '../formats/http-fields/list.ts';
import { hasLongTarget } from '../http/listener-bounds.ts';
import { parseRequestTarget, type RequestTarget } from '../policy/request-target.ts';
import { admission } from './admission.ts';
import { askedForPage, askedOf } from './asked.ts';
import { unsaid } from './cross-site.ts';
import { deliverPreflight, type Viewer } from './deliver.ts';
import { longUrlRefusal, type PlainAnswer, refusals } from './error-page.ts';
import { passThrough } from './pass-through.ts';
import { leaveBody } from './request-body.ts';
import { type EdgeContext, lookup, refuse, type Step, walk, withSlices } from './request-steps.ts';
import type { Behaviour } from './routes.ts';

/*
 * The first steps of a request:
 *
 *   receive ─ is it well formed, and not here for the second time?           → match | refuse
 *   match   ─ which distribution and behaviour answers for it?               → admit | refuse
 *   admit   ─ may this viewer ask this, and is it a cache's to answer?       → lookup | (pass through) | refuse
 */

/** Answers one request. */
export function serveRequest(edge: EdgeContext, request: IncomingMessage, response: ServerResponse): void {
  edge.counters.requests++;
  const requestId = edge.nextRequestId();
  walk(receive(edge, { request, response, requestId, edge: edge.name, clock: edge.clock, cors: unsaid }));
}

function receive(edge: EdgeContext, viewer: Viewer): Step {
  const { method, url = '', headers } = viewer.request;
  const cdnLoop = headers['cdn-loop'];
  if (cdnLoop !== undefined && splitList(String(cdnLoop)).includes(edge.identity.cdnId)) {
    return () => refuse(edge, viewer, refusals.loop);
  }
  const target = parseRequestTarget(url);
  if (target.kind === 'resource') return () => match(edge, viewer, target);
  if (target.kind === 'server' && method === 'OPTIONS') {
    leaveBody(viewer.request, viewer.response);
    deliverPreflight(viewer, 'read');
    return undefined;
  }
  return () => refuse(edge, viewer, refusals.malformedUrl);
}

function match(edge: EdgeContext, received: Viewer, target: RequestTarget & { kind: 'resource' }): Step {
  const { headers } = received.request;
  const behaviour = edge.route(target.authority ?? headers.host ?? '', target.path);
  if (behaviour === 'no-distribution') return () => refuse(edge, received, refusals.unknownHost);
  if (behaviour === 'ambiguous') return () => refuse(edge, received, refusals.ambiguousUrl);
  if (behaviour === 'no-behaviour') return () => refuse(edge, received, refusals.unknownPath);
  const viewer = { ...received, cors: behaviour.cors.of(headers.origin) };
  if (hasLongTarget(received.request)) {
    return () => refuseAt(edge, viewer, behaviour, longUrlRefusal(behaviour.policy.name));
  }
  return () => admit(edge, viewer, behaviour, target);
}

function admit(
  edge: EdgeContext,
  viewer: Viewer,
  behaviour: Behaviour,
  requested: RequestTarget & { kind: 'resource' },
): Step {
  const admitted = admission(edge, viewer.request, behaviour, requested);
  switch (admitted.kind) {
    case 'refused':
      return () => refuseAt(edge, viewer, behaviour, admitted.answer);
    case 'preflight':
      leaveBody(viewer.request, viewer.response);
      deliverPreflight(viewer, behaviour.methods);
      return undefined;
    case 'read': {
      const { carriage, guest, method, target } = admitted;
      edge.openAnswers.add(viewer.response, behaviour.limits, guest);
      const admittedViewer = carriage === undefined ? viewer : { ...viewer, carriage };
      return () => lookup(edge, withSlices(edge, askedOf(edge.identity, admittedViewer, behaviour, method, target)));
    }
    case 'passed-through':
      edge.openAnswers.add(viewer.response, behaviour.limits, admitted.guest);
      passThrough(edge, viewer, behaviour, admitted.target);
      return undefined;
  }
}

/** With the page that the distribution has for such an error, if it has one. */
function refuseAt(edge: EdgeContext, viewer: Viewer, behaviour: Behaviour, answer: PlainAnswer): Step {
  const { method } = viewer.request;
  const page =
    method === 'GET' || method === 'HEAD'
      ? askedForPage(edge.identity, { behaviour, viewer, method, inPlaceOf: undefined }, answer)
      : undefined;
  if (page === undefined) return refuse(edge, viewer, answer);
  leaveBody(viewer.request, viewer.response);
  return lookup(edge, withSlices(edge, page));
}
