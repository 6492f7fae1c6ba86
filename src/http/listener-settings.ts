import { z } from 'zod';
import { tlsListenField } from '../base/setting-fields.ts';

/** Where a listener for HTTPS stands. */
export const httpsListenerSchema = tlsListenField('TCP port; 443 is what browsers assume; 0 takes any free one').extend(
  {
    publicPort: z
      .int()
      .min(1)
      .max(65_535)
      .optional()
      .describe('Where viewers are sent who shall come over HTTPS; if left out: to `port`'),
  },
);
