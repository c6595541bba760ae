import { encode } from 'cborg';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as z from 'zod/mini';
import { errorCode } from '../errors.ts';
import { coordinatorMessageSchema, openSchema, stageMessageSchema } from '../inference/messages.ts';
import { advertSchema } from '../membership/advert.ts';
import { decodeMessage, encodeMessage } from './codec.ts';
import { packTokens, unpackTokens } from './token-ids.ts';

const schemas = [openSchema, coordinatorMessageSchema, stageMessageSchema, advertSchema];
const bytesOf = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

const codeOf = (decode: () => unknown): string | undefined => {
  try {
    decode();
    return undefined;
  } catch (error) {
    return errorCode(error) ?? `untyped: ${String(error)}`;
  }
};

describe('decodeMessage', () => {
  it('gives back every stage message', () => {
    // Plus zero turns -0, which the encoding does not have, into 0.
    const logprob = fc.double({ min: -9_999, max: 0, noNaN: true }).map((value) => value + 0);
    const token = fc.nat(2 ** 31 - 1);
    const message = fc.oneof(
      fc.record({ type: fc.constant('accepted') }),
      fc.record({
        type: fc.constant('progress'),
        state: fc.constantFrom('queued', 'prefill', 'decode'),
        done: token,
        total: token,
      }),
      fc.record(
        {
          type: fc.constant('token'),
          token,
          logprobs: fc.record({ logprob, top: fc.array(fc.record({ token, logprob }), { maxLength: 20 }) }),
        },
        { requiredKeys: ['type', 'token'] },
      ),
    );
    fc.assert(
      fc.property(message, (value) => {
        expect(decodeMessage(stageMessageSchema, encodeMessage(value), 16_384)).toEqual(value);
      }),
    );
  });

  it('throws nothing but its own errors, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.constantFrom(...schemas), (bytes, schema) => {
        const code = codeOf(() => decodeMessage(schema, bytes, 256));
        expect([undefined, 'malformed_message', 'message_too_large']).toContain(code);
      }),
      { numRuns: 2_000 },
    );
  });

  it('throws nothing but its own errors for any CBOR value', () => {
    fc.assert(
      fc.property(fc.anything({ withBigInt: false, withDate: false }), fc.constantFrom(...schemas), (value, schema) => {
        let bytes: Uint8Array;
        try {
          bytes = encode(value);
        } catch {
          return; // not a value CBOR has
        }
        expect([undefined, 'malformed_message', 'message_too_large']).toContain(
          codeOf(() => decodeMessage(schema, bytes, 1_024)),
        );
      }),
    );
  });

  it.each([
    ['an indefinite length', '9fff'],
    ['a duplicate key', 'a2616101616102'],
    ['keys out of order', 'a2616201616101'],
    ['a number longer than it need be', '1801'],
    ['undefined', 'f7'],
    ['not a number', 'f97e00'],
    ['infinity', 'f97c00'],
    ['an integer beyond 53 bits', '1b0020000000000001'],
    ['a tag', 'c100'],
    ['bytes after the end', '0000'],
    ['a cut value', '6261'],
  ])('refuses %s', (_name, hex) => {
    expect(codeOf(() => decodeMessage(z.unknown(), bytesOf(hex), 100))).toBe('malformed_message');
  });

  it('takes a key named __proto__ for the unknown key it is', () => {
    const bytes = bytesOf('a1695f5f70726f746f5f5fa16474797065686163636570746564');
    expect(codeOf(() => decodeMessage(stageMessageSchema, bytes, 100))).toBe('malformed_message');
  });

  it('refuses nesting deeper than the stack without falling over', () => {
    const bytes = new Uint8Array(500_000).fill(0x81);
    expect(codeOf(() => decodeMessage(z.unknown(), bytes, 600_000))).toBe('malformed_message');
  });

  it('refuses what is over its cap before decoding it', () => {
    expect(codeOf(() => decodeMessage(z.unknown(), new Uint8Array(11), 10))).toBe('message_too_large');
  });
});

describe('token ids', () => {
  it('survive packing', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(2 ** 31 - 1)), (tokens) => {
        expect(unpackTokens(packTokens(tokens))).toEqual(tokens);
      }),
    );
  });

  it('are refused where they are cut or too large', () => {
    expect(codeOf(() => unpackTokens(new Uint8Array(5)))).toBe('malformed_message');
    expect(codeOf(() => unpackTokens(Uint8Array.of(0, 0, 0, 0x80)))).toBe('malformed_message');
  });

  it('of the longest context fit the largest first message', () => {
    expect(packTokens(Array.from({ length: 131_072 }, () => 1)).byteLength).toBe(524_288);
  });
});
