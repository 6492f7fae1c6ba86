import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { QuickHead } from '../../src/http/answer-images.ts';
import type { AnswerTaker } from '../../src/http/coming-answer.ts';
import { defaultDeadlines } from '../../src/http/listener-bounds.ts';
import type { QuickResponder } from '../../src/http/quick-connection.ts';
import { eventually } from '../support/condition.ts';
import { rawClient, startTestListener } from './test-listener.ts';

const get = (target: string) => `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`;
const head = (length: number) => `HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\nX-Request-Id: `;

interface Coming {
  readonly taker: AnswerTaker;
  drained: number;
  ended: { whole: boolean; sentBytes: number } | undefined;
  freed: number;
}

/** Everything is an answer to come, which a test gives. */
function comingAnswers(): { quick: QuickResponder; coming: Coming[] } {
  const coming: Coming[] = [];
  return {
    coming,
    quick: {
      answer: () => 'whole-way',
      join: () => {
        let own: Coming | undefined;
        return {
          begin: (taker) => coming.push((own = { taker, drained: 0, ended: undefined, freed: 0 })),
          drained: () => own && own.drained++,
          ended: (whole, sentBytes) => own && (own.ended = { whole, sentBytes }),
          freed: () => own && own.freed++,
        };
      },
    },
  };
}

const short = { ...defaultDeadlines, headMs: 200, requestMs: 400, keepAliveMs: 200, silenceMs: 300 };

describe('a coming answer', () => {
  it('may be waited for longer than a viewer may be silent', async () => {
    const { quick, coming } = comingAnswers();
    await using listener = await startTestListener({ deadlines: short, quick });
    const client = rawClient(listener.port);
    client.socket.write(get('/a'));
    const { taker } = await eventually('the request', () => coming[0]);
    await sleep(800);
    taker.writeHead(head(4), 'r', false);
    taker.write(Buffer.from('late'));
    taker.end();
    await eventually('the answer', () => client.text().endsWith('late'));
    expect(coming[0]?.ended).toEqual({ whole: true, sentBytes: client.text().length });
    expect(await client.closed()).toMatch(/late$/);
  });

  it.each([3, 8_192, 40_000_000])(
    'may be given whole, to many: %i bytes, and each has its own request id',
    async (bytes) => {
      const { quick, coming } = comingAnswers();
      await using listener = await startTestListener({ quick });
      const body = Buffer.alloc(bytes, 'x');
      const whole = new QuickHead(head(bytes));
      const clients = ['first', 'second'].map((requestId) => ({ requestId, ...rawClient(listener.port) }));
      for (const { socket } of clients) socket.write(get('/a'));
      await eventually('the requests', () => coming.length === 2);
      coming.forEach(({ taker }, at) => taker.writeWhole(whole, clients[at]?.requestId ?? '', body));
      await eventually('the answers', () => coming.every(({ ended }) => ended !== undefined));
      const texts = await Promise.all(
        clients.map(async ({ text, socket }) => {
          await eventually('all bytes', () => text().length > bytes && text().endsWith('x'.repeat(3)));
          const sent = coming.find(({ ended }) => ended?.sentBytes === text().length)?.ended;
          socket.destroy();
          return {
            whole: sent?.whole,
            id: /X-Request-Id: (\w+)\r\n/.exec(text())?.[1],
            body: text().split('\r\n\r\n')[1]?.length,
          };
        }),
      );
      expect(new Set(texts.map(({ id }) => id))).toEqual(new Set(['first', 'second']));
      expect(texts).toEqual(texts.map(({ id }) => ({ whole: true, id, body: bytes })));
    },
  );

  it('is told when its bytes are free: not while they wait for the viewer, and when he has left', async () => {
    const { quick, coming } = comingAnswers();
    await using listener = await startTestListener({ deadlines: short, quick });
    const body = Buffer.alloc(40_000_000, 'x');
    for (const leaves of [false, true]) {
      const client = rawClient(listener.port);
      client.socket.pause();
      client.socket.write(get('/a'));
      const answer = await eventually('the request', () => coming.shift());
      answer.taker.writeHead(head(body.length), 'r', false);
      expect(answer.taker.write(body)).toBe(false);
      answer.taker.end();
      await sleep(20);
      expect([answer.ended, answer.freed]).toEqual([undefined, 0]);
      if (leaves) client.socket.destroy();
      else client.socket.resume();
      await eventually('it is free', () => answer.freed === 1);
      expect(answer.ended?.whole).toBe(!leaves);
      client.socket.destroy();
      await client.closed();
      expect(answer.freed).toBe(1);
    }
  });

  it('lets a viewer go that reads nothing of it, and goes on for one that reads again', async () => {
    const { quick, coming } = comingAnswers();
    await using listener = await startTestListener({ deadlines: short, quick });
    const body = Buffer.alloc(40_000_000, 'x');
    for (const reads of [false, true]) {
      const client = rawClient(listener.port);
      client.socket.pause();
      client.socket.write(get('/a'));
      const answer = await eventually('the request', () => coming.shift());
      answer.taker.writeHead(head(body.length + 1), 'r', false);
      expect(answer.taker.write(body)).toBe(false);
      if (reads) {
        client.socket.resume();
        await eventually('it goes on', () => answer.drained === 1);
        answer.taker.write(Buffer.from('y'));
        answer.taker.end();
        await eventually('all', () => client.text().endsWith('xy'));
        expect(answer.ended?.whole).toBe(true);
        client.socket.destroy();
      } else {
        await eventually('the end', () => answer.ended);
        expect(answer.ended?.whole).toBe(false);
      }
    }
  });

  it('may be passed on, with what was asked behind it', async () => {
    const { quick, coming } = comingAnswers();
    await using listener = await startTestListener({ quick });
    const client = rawClient(listener.port);
    client.socket.write(get('/a') + get('/b'));
    const first = await eventually('the request', () => coming[0]);
    await sleep(10);
    expect([coming.length, listener.handled]).toEqual([1, []]);
    first.taker.passOn();
    const second = await eventually('the next request', () => coming[1]);
    expect(listener.handled).toEqual(['/a']);
    // Nothing more can come of it.
    first.taker.write(Buffer.from('too late'));
    first.taker.end();
    second.taker.writeHead(head(1), 'r', false);
    second.taker.write(Buffer.from('b'));
    second.taker.end();
    await eventually('both answers', () => client.text().endsWith('\r\n\r\nb'));
    expect(client.text()).toMatch(/\r\n\r\nslow \/aHTTP\/1\.1 200 OK\r\n/);
    expect(client.text()).not.toContain('too late');
    expect(first.ended).toBeUndefined();
    client.socket.destroy();
  });

  it('answers any number of requests that came at once, each at once', async () => {
    const body = Buffer.from('now');
    await using listener = await startTestListener({
      quick: {
        answer: () => 'whole-way',
        join: () => ({
          begin: (taker) => {
            taker.writeHead(head(body.length), 'r', false);
            taker.write(body);
            taker.end();
          },
          drained: () => undefined,
          ended: () => undefined,
        }),
      },
    });
    const client = rawClient(listener.port);
    client.socket.write(get('/a').repeat(3_000));
    await eventually('all answers', () => client.text().split('\r\n\r\nnow').length === 3_001);
    client.socket.destroy();
  });
});
