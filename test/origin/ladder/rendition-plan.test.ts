import { describe, expect, it } from 'vitest';
import { ladderSchema } from '../../../src/origin/ladder/ladder-settings.ts';
import { planRenditions } from '../../../src/origin/ladder/rendition-plan.ts';

const square = { horizontal: 1, vertical: 1 };

function wanted(...renditions: unknown[]) {
  const [rule] = ladderSchema.parse([{ stream: '*', renditions }]);
  return rule?.renditions ?? [];
}

function sizes(renditions: unknown[], source: { width: number; height: number; pixelAspect?: typeof square }) {
  const plan = planRenditions(wanted(...renditions), { pixelAspect: square, framesPerSecond: undefined, ...source });
  return plan.map(({ name, width, height }) => `${name} ${width}x${height}`);
}

describe('planRenditions', () => {
  it('makes only what is lower than the source, highest first', () => {
    const all = ['240p', '360p', '480p', '720p', '1080p', '1440p', '2160p', 'audio'];
    expect(sizes(all, { width: 1_280, height: 720 })).toEqual(['480p 854x480', '360p 640x360', '240p 426x240']);
    expect(sizes(all, { width: 320, height: 180 })).toEqual([]);
  });

  it.each([
    { name: 'a portrait picture', source: { width: 1_080, height: 1_920 }, size: '720p 720x1280' },
    { name: 'a cinema picture', source: { width: 1_920, height: 816 }, size: '720p 1694x720' },
    {
      name: 'samples that are not square',
      source: { width: 1_440, height: 1_080, pixelAspect: { horizontal: 4, vertical: 3 } },
      size: '720p 1280x720',
    },
  ])('keeps the shape of $name', ({ source, size }) => {
    expect(sizes(['720p'], source)).toEqual([size]);
  });

  it('allows more bits for more pictures a second, unless they are said', () => {
    const source = { width: 1_920, height: 1_080, pixelAspect: square };
    const bits = (framesPerSecond: number | undefined, ...renditions: unknown[]) =>
      planRenditions(wanted(...renditions), { ...source, framesPerSecond }).map(({ bitsPerSecond }) => bitsPerSecond);
    expect(bits(30, '720p', '480p')).toEqual([2_800_000, 1_400_000]);
    expect(bits(60, '720p')).toEqual([4_200_000]);
    expect(bits(60, { name: 'slow', height: 720, framesPerSecond: 30 })).toEqual([2_800_000]);
    expect(bits(60, { name: 'own', height: 700, videoBitrate: '1.2Mbps' })).toEqual([1_200_000]);
    expect(bits(30, { name: 'odd', height: 700 })).toEqual([2_800_000]);
  });
});

describe('ladderSchema', () => {
  it.each([
    [['1081p']],
    [['720p', '720p']],
    [['720p', { name: '720p', height: 700 }]],
    [[{ name: 'index', height: 700 }]],
    [[{ name: '360p-iframes', height: 360 }]],
    [[{ name: 'video-1', height: 700 }]],
    [[{ name: 'audio', height: 700 }]],
    [[{ name: 'Upper', height: 700 }]],
    [[{ name: 'low', height: 700, videoBitrate: '12 apples' }]],
    [[{ name: 'low', height: 700, videoBitrate: '1bps' }]],
    [[]],
  ])('refuses %j', (renditions) => {
    expect(ladderSchema.safeParse([{ stream: '*', renditions }]).success).toBe(false);
  });

  it('takes the variant without pictures apart from what ffmpeg makes', () => {
    expect(ladderSchema.parse([{ stream: 'live/*', renditions: ['audio'] }])).toEqual([
      { stream: 'live/*', audioOnly: true, renditions: [] },
    ]);
  });
});
