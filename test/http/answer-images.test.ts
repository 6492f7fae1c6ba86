import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AnswerImages, QuickHead } from '../../src/http/answer-images.ts';

const headEnd = '\r\nConnection: keep-alive\r\n\r\n';

function textOf(images: AnswerImages, head: QuickHead, requestId: string, body: Buffer | string): string | undefined {
  const image = images.of(head, requestId, body);
  return image?.bytes.toString('latin1', 0, image.length);
}

describe('AnswerImages', () => {
  it('gives head, request id, end of the head and body, whatever came before', () => {
    const answers = Array.from({ length: 100 }, (_, i) => ({
      head: new QuickHead(`HTTP/1.1 200 OK\r\nAge: ${i}\r\nX-Text: sch\xf6n\r\nX-Request-Id: `),
      text: `body ${'\xff'.repeat(i)}`,
    })).map(({ head, text }, i) => ({ head, text, body: i % 2 === 0 ? text : Buffer.from(text, 'latin1') }));
    const index = fc.nat(answers.length - 1);
    const requestId = fc.stringMatching(/^[a-z0-9]{0,20}$/);
    fc.assert(
      fc.property(fc.array(fc.tuple(index, requestId), { maxLength: 300 }), (asked) => {
        const images = new AnswerImages(headEnd);
        for (const [at, id] of asked) {
          const { head, text, body } = answers[at] ?? { head: new QuickHead(''), text: '', body: '' };
          expect([`${head.text}${id}${headEnd}${text}`, undefined]).toContain(textOf(images, head, id, body));
        }
      }),
    );
  });

  it('lays the next answer with the same head into the same bytes', () => {
    const images = new AnswerImages(headEnd);
    const head = new QuickHead('head: ');
    const first = images.of(head, 'id-1', 'body');
    expect(images.of(head, 'id-2', 'body')).toBe(first);
    expect(first?.bytes.toString('latin1', 0, first.length)).toBe(`head: id-2${headEnd}body`);
  });

  it('keeps to a bounded number of places, and gives one to an answer that comes often', () => {
    const images = new AnswerImages(headEnd);
    const places = new Set(
      Array.from({ length: 1_000 }, (_, i) => images.of(new QuickHead(`${i}: `), 'id', 'body')?.bytes),
    );
    places.delete(undefined);
    expect(places.size).toBe(64);
    const head = new QuickHead('often: ');
    const texts = Array.from({ length: 20 }, (_, i) => textOf(images, head, `id-${i}`, 'body'));
    expect(texts.at(-1)).toBe(`often: id-19${headEnd}body`);
  });

  it('leaves alone what is too large', () => {
    const images = new AnswerImages(headEnd);
    const head = new QuickHead('head: ');
    expect(images.of(head, 'id', 'b'.repeat(9_000))).toBeUndefined();
    expect(textOf(images, head, 'id', 'small')).toBe(`head: id${headEnd}small`);
  });
});
