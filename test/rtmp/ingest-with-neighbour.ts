import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { eventually } from '../support/condition.ts';
import { RawConnection, type Stage } from './raw-connection.ts';
import { type Neighbour, startNeighbour, startTestIngest, type TestIngest } from './test-ingest.ts';

/** An ingest for all tests of a file, with a publisher beside them that must never notice any of them. */
export interface IngestWithNeighbour {
  readonly server: TestIngest;
  /** A connection that is closed after the test. */
  readonly at: (stage: Stage, name?: string) => Promise<RawConnection>;
}

/** Registers the hooks: after each test nobody but the neighbour is left, and goes on; at the end all of it has arrived. */
export function ingestWithNeighbour(): IngestWithNeighbour {
  let server: TestIngest | undefined;
  let neighbour: Neighbour | undefined;
  let opened: RawConnection[] = [];
  const running = (): TestIngest => {
    if (server === undefined) throw new Error('the ingest is there while tests run');
    return server;
  };

  beforeAll(async () => {
    server = await startTestIngest();
    neighbour = await startNeighbour(server);
  });

  afterAll(async () => {
    try {
      await neighbour?.endsWhole();
    } finally {
      await server?.close();
    }
  });

  beforeEach(() => {
    opened = [];
  });

  afterEach(async () => {
    for (const connection of opened) connection.destroy();
    await eventually('only the neighbour is left', () => running().ingest.stats().connections === 1);
    await neighbour?.goesOn();
  });

  return {
    get server() {
      return running();
    },
    at: async (stage, name) => {
      const connection = await RawConnection.at(stage, running().port, name);
      opened.push(connection);
      return connection;
    },
  };
}
