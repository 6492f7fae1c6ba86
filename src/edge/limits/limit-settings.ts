import { z } from 'zod';
import { bitrateField, durationField } from '../../base/setting-fields.ts';
import { isAddressRange } from '../../http/address-ranges.ts';
import type { AllowanceSettings } from '../../policy/limits/allowances.ts';

const bandwidthBounds = { minBitsPerSecond: 1_000, maxBitsPerSecond: 1e14 };

/** `whose`: `one address`, `one grant`. */
function allowanceField(whose: string) {
  return z
    .strictObject({
      requestsPerSecond: z
        .number()
        .positive()
        .max(1_000_000)
        .optional()
        .describe(`Requests a second of ${whose}, in the long run`),
      burst: z
        .int()
        .min(1)
        .max(10_000_000)
        .optional()
        .describe("Requests that may come at once after a rest; if left out: two seconds' worth, at least ten"),
      bandwidth: bitrateField(bandwidthBounds)
        .optional()
        .describe(`Bits a second that go out to ${whose}; ten seconds' worth may go out at once`),
      sessions: z
        .int()
        .min(1)
        .optional()
        .describe(`Viewings of ${whose} at once: connections of RTMP and FLV, and HLS streams`),
    })
    .transform(
      ({ requestsPerSecond, burst, bandwidth, sessions }): AllowanceSettings => ({
        requestsPerSecond,
        burst: requestsPerSecond === undefined ? undefined : (burst ?? Math.max(10, Math.ceil(requestsPerSecond * 2))),
        bytesPerSecond: bandwidth === undefined ? undefined : bandwidth / 8,
        sessions,
      }),
    )
    .optional();
}

/** Of a distribution. */
export const viewerLimitsField = z
  .strictObject({
    perAddress: allowanceField('one address').describe('Of IPv6 the addresses of one /64 count together'),
    perGrant: allowanceField('one grant').describe('Where `trustedKeyGroups` ask for one'),
    egress: bitrateField(bandwidthBounds)
      .optional()
      .describe(
        'Bits a second that go out of this distribution: near it the largest renditions of HLS are withheld, at it nothing more begins',
      ),
    egressPerStream: bitrateField(bandwidthBounds).optional().describe('The same for each stream'),
  })
  .optional()
  .describe('What viewers may have; who wants more gets 429. If left out: as much as they want');

export type ViewerLimitSettings = z.output<typeof viewerLimitsField>;

/** Of the whole edge. */
export const edgeLimitsSchema = z
  .strictObject({
    connectionsPerAddress: z
      .int()
      .min(1)
      .default(1_000)
      .describe('Connections of one address at once, HTTP and RTMP together; further ones are closed at once'),
    exempt: z
      .array(z.string().refine(isAddressRange, { error: 'must be an address or a range such as 192.0.2.0/24' }))
      .max(1_000)
      .default(['127.0.0.0/8', '::1'])
      .describe('Addresses and ranges of addresses that no limit by address is for: proxies, offices, monitoring'),
    sessionWindow: durationField({ minMs: 1_000, maxMs: 3_600_000 })
      .prefault('30s')
      .describe('An HLS stream counts as watched for so long after the last request for it'),
  })
  .transform(({ sessionWindow, ...rest }) => ({ ...rest, sessionWindowMs: sessionWindow }))
  .prefault({});

export type EdgeLimitSettings = z.output<typeof edgeLimitsSchema>;
