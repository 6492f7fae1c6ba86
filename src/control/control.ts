import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { CloseBudget } from '../base/close-budget.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { ownHost } from '../base/own-address.ts';
import { isLoopback } from '../base/setting-fields.ts';
import { startHttpListener } from '../http/listener.ts';
import { removeAccessFile, writeAccessFile } from './access-file.ts';
import { type AccessTarget, answerAccess, isAccessPath } from './access-routes.ts';
import { answerInvalidation, invalidationsPath, type InvalidationTarget } from './invalidation-routes.ts';
import { ControlRefusal, sendRefusal } from './json-exchange.ts';
import { answerKeys, keysPath, type KeyTarget } from './key-routes.ts';
import { RequestAdmission } from './request-admission.ts';
import type { ControlSettings } from './settings.ts';

const closeGraceMs = 1_000;

export interface Control {
  readonly httpPort: number;
  /** Lets running answers end for a second, or `budget`. */
  close(budget?: CloseBudget): Promise<void>;
}

interface ControlSurroundings {
  readonly clock: Clock;
  readonly log: Log;
  /** Where commands look for the way to it. */
  readonly dataFolder: string;
  readonly invalidations: InvalidationTarget;
  readonly keys: KeyTarget;
  readonly access: AccessTarget;
}

/**
 * Starts the listener for commands, and leaves its address with a secret of this process in the data folder. Throws a
 * `ConfigError` when the port cannot be had.
 */
export async function startControl({ http }: ControlSettings, deps: ControlSurroundings): Promise<Control> {
  const { clock, log, dataFolder } = deps;
  const secret = randomBytes(32).toString('base64url');
  const admission = new RequestAdmission(http.host, secret, clock);
  const listener = await startHttpListener({
    name: 'control',
    ...http,
    setting: 'control.http.port',
    handler: async (request, response) => {
      try {
        admission.admit(request);
        await answer(deps, request, response);
      } catch (error) {
        if (!(error instanceof ControlRefusal)) throw error;
        if (error.status === 500) log.error({ err: error }, 'a command could not be carried out');
        sendRefusal(response, error);
      }
    },
    log,
  });
  if (!isLoopback(http.host)) {
    log.warn({ host: http.host }, 'control.http.host lets other machines come, over HTTP that everybody can read');
  }
  writeAccessFile(dataFolder, {
    url: `http://${ownHost(http.host)}:${listener.port}`,
    secret,
    processId: process.pid,
  });
  return {
    httpPort: listener.port,
    close: async (budget = CloseBudget.of(clock)) => {
      removeAccessFile(dataFolder);
      await listener.close(budget.graceMs(closeGraceMs));
    },
  };
}

async function answer(
  { access, invalidations, keys }: Pick<ControlSurroundings, 'access' | 'invalidations' | 'keys'>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { url = '' } = request;
  if (url === invalidationsPath || url.startsWith(`${invalidationsPath}/`)) {
    await answerInvalidation(invalidations, request, response);
    return;
  }
  if (url === keysPath) {
    answerKeys(keys, request, response);
    return;
  }
  if (isAccessPath(url)) {
    await answerAccess(access, request, response);
    return;
  }
  throw new ControlRefusal(404, 'NOT_FOUND', 'there is nothing here');
}
