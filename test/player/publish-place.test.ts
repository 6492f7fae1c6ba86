import { describe, expect, it } from 'vitest';
import { defaultPlace, publishPlaceOf } from '../../player/src/publish-place.ts';

describe('publishPlaceOf', () => {
  it('reads what an edge says', () => {
    const document = { location: 'local', streamKeyNeeded: true, publish: { rtmpPort: 21_935, rtmpsPort: null } };
    expect(publishPlaceOf(document)).toEqual({ rtmpPort: 21_935, streamKeyNeeded: true });
  });

  it.each([
    undefined,
    null,
    7,
    'text',
    [],
    {},
    { publish: null },
    { publish: { rtmpPort: '1' } },
    { publish: { rtmpPort: 0 } },
  ])('takes the default for %j', (document) => {
    expect(publishPlaceOf(document)).toEqual(defaultPlace);
  });
});
