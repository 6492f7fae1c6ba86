import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { EdgeSignatureCheck } from '../../src/http/edge-signature-check.ts';
import { EdgeSigner } from '../../src/http/edge-signer.ts';
import type { SignatureTexts } from '../../src/policy/edge-signature.ts';

const [oldSecret, newSecret, other] = ['old', 'new', 'other'].map((name) => `${name}-`.repeat(16)) as [
  string,
  string,
  string,
];

let nowMs = 1_800_000_000_000;

function signer(...secrets: string[]): EdgeSigner {
  return new EdgeSigner(
    () => secrets,
    () => nowMs,
  );
}

function check(...secrets: string[]): EdgeSignatureCheck {
  return new EdgeSignatureCheck(
    () => secrets,
    60_000,
    () => nowMs,
  );
}

function codeOf(
  door: EdgeSignatureCheck,
  { input, signature }: SignatureTexts,
  method = 'GET',
  target = '/live/a?b=c',
) {
  return door.refusal(method, target, input, signature)?.code;
}

beforeEach(() => {
  nowMs = 1_800_000_000_000;
});

describe('EdgeSigner and EdgeSignatureCheck', () => {
  it('let a request pass that is signed with a secret of the origin', () => {
    expect(codeOf(check(oldSecret), signer(oldSecret).sign('GET', '/live/a?b=c'))).toBeUndefined();
  });

  it('write and take what RFC 9421 calls a signature with hmac-sha256', () => {
    const { input, signature } = signer(oldSecret).sign('PUT', '/a?b');
    const parameters = input.replace('edge1=', '');
    expect(parameters).toMatch(
      /^\("@method" "@request-target"\);created=1800000000;nonce="[0-9a-f]{24}-0";alg="hmac-sha256";tag="streamfront-edge"$/,
    );
    const base = `"@method": PUT\n"@request-target": /a?b\n"@signature-params": ${parameters}`;
    expect(signature).toBe(`edge1=:${createHmac('sha256', oldSecret).update(base).digest('base64')}:`);
    const among = { input: `sig9=("date");created=1, ${input}`, signature: `sig9=:AAAA:,${signature}` };
    expect(codeOf(check(oldSecret), among, 'PUT', '/a?b')).toBeUndefined();
  });

  it('leave no gap while secrets are changed, whoever gets the new one first', () => {
    const steps = {
      originFirst: [
        [[oldSecret], [oldSecret]],
        [[oldSecret], [newSecret, oldSecret]],
        [[newSecret], [newSecret, oldSecret]],
        [[newSecret], [newSecret]],
      ],
      edgeFirst: [
        [[oldSecret], [oldSecret]],
        [[newSecret, oldSecret], [oldSecret]],
        [[newSecret, oldSecret], [newSecret]],
        [[newSecret], [newSecret]],
      ],
    };
    for (const [edge = [], origin = []] of [...steps.originFirst, ...steps.edgeFirst]) {
      expect(codeOf(check(...origin), signer(...edge).sign('GET', '/live/a?b=c'))).toBeUndefined();
    }
  });

  it('refuse a request without signature, with the signature of somebody else, and a wrong secret', () => {
    const door = check(oldSecret);
    const good = signer(oldSecret).sign('GET', '/live/a?b=c');
    expect(door.refusal('GET', '/live/a?b=c', undefined, undefined)?.code).toBe('ORIGIN_UNSIGNED');
    expect(door.refusal('GET', '/live/a?b=c', good.input, undefined)?.code).toBe('ORIGIN_UNSIGNED');
    expect(door.refusal('GET', '/live/a?b=c', 'sig1=("@method");created=5', good.signature)?.code).toBe(
      'ORIGIN_UNSIGNED',
    );
    expect(codeOf(door, signer(other).sign('GET', '/live/a?b=c'))).toBe('ORIGIN_SIGNATURE_WRONG');
    expect(codeOf(door, good, 'HEAD')).toBe('ORIGIN_SIGNATURE_WRONG');
    expect(codeOf(door, good, 'GET', '/live/a?b=d')).toBe('ORIGIN_SIGNATURE_WRONG');
    expect(codeOf(door, good)).toBeUndefined();
  });

  it('refuse whatever of it is changed in a byte', () => {
    const good = signer(oldSecret).sign('GET', '/live/a?b=c');
    const door = check(oldSecret);
    fc.assert(
      fc.property(fc.constantFrom('input' as const, 'signature' as const), fc.nat(), fc.nat(255), (which, at, byte) => {
        const text = good[which];
        const index = at % text.length;
        const changed = `${text.slice(0, index)}${String.fromCharCode(byte)}${text.slice(index + 1)}`;
        if (changed === text) return;
        const refusal = codeOf(door, { ...good, [which]: changed });
        // Of the last base64 digit two bits say nothing.
        const sameBytes =
          which === 'signature' &&
          Buffer.from(changed.slice(7, -1), 'base64').equals(Buffer.from(text.slice(7, -1), 'base64'));
        if (!sameBytes) expect(['ORIGIN_UNSIGNED', 'ORIGIN_SIGNATURE_WRONG']).toContain(refusal);
      }),
      { numRuns: 500 },
    );
  });

  it('refuse a request that comes again, also in the name of the other secret, and not one that overtook it', () => {
    const door = check(newSecret, oldSecret);
    const edge = signer(newSecret, oldSecret);
    const [first, second] = [edge.sign('GET', '/live/a?b=c'), edge.sign('GET', '/live/a?b=c')];
    expect(codeOf(door, second)).toBeUndefined();
    expect(codeOf(door, first)).toBeUndefined();
    expect(codeOf(door, first)).toBe('ORIGIN_SIGNATURE_REPLAYED');
    const half = (text: string) => text.split(', ')[1] ?? '';
    expect(codeOf(door, { input: half(second.input), signature: half(second.signature) })).toBe(
      'ORIGIN_SIGNATURE_REPLAYED',
    );
  });

  it('say which clock is how far off, to who knows the secret alone', () => {
    const early = signer(oldSecret).sign('GET', '/live/a?b=c');
    const stranger = signer(other).sign('GET', '/live/a?b=c');
    nowMs += 60_000;
    expect(codeOf(check(oldSecret), early)).toBeUndefined();
    nowMs += 35_000;
    const door = check(oldSecret);
    expect(door.refusal('GET', '/live/a?b=c', early.input, early.signature)).toEqual({
      code: 'ORIGIN_SIGNATURE_CLOCK',
      sentence:
        'this origin answers edges only: the request was signed at a time that is 95 s behind the clock here, and 60 s are allowed: set the clocks of both machines',
    });
    expect(codeOf(door, stranger)).toBe('ORIGIN_SIGNATURE_WRONG');
    const late = signer(oldSecret).sign('GET', '/live/a?b=c');
    nowMs -= 70_000;
    expect(door.refusal('GET', '/live/a?b=c', late.input, late.signature)?.sentence).toContain('70 s ahead of');
  });

  it('take no longer over fields that are hostile', () => {
    const door = check(oldSecret);
    const hostile = [
      'edge1=',
      'edge1=("@method" "@request-target");created=1;',
      ', \t'.repeat(600),
      'a'.repeat(100_000),
    ];
    for (const input of hostile) expect(door.refusal('GET', '/', input, input)?.code).toBe('ORIGIN_UNSIGNED');
  });
});
