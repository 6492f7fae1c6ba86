import Hls, { type FragLoadingData, type HlsConfig } from 'hls.js';

/**
 * Has hls.js keep an unfinished caption (CEA-608) from one part of a segment to the next. 1.7 takes for contiguous what is
 * of the segment after the last (`sn !== lastSn + 1`), and so clears its decoder at each part of the same one: with parts
 * hardly any caption is ever finished. Here it is told the number that lets a part pass that does follow the last. Where
 * another version is built otherwise, nothing is changed.
 */
export function captionsOverParts(): Partial<HlsConfig> {
  const { timelineController } = Hls.DefaultConfig;
  const onFragLoading: unknown = timelineController && Reflect.get(timelineController.prototype, 'onFragLoading');
  if (timelineController === undefined || typeof onFragLoading !== 'function') return {};
  const keeping = class extends timelineController {};
  Object.defineProperty(keeping.prototype, 'onFragLoading', {
    value(this: object, event: string, data: FragLoadingData) {
      if (followsLastPart(this, data)) Reflect.set(this, 'lastSn', Number(data.frag.sn) - 1);
      Reflect.apply(onFragLoading, this, [event, data]);
    },
  });
  return { timelineController: keeping };
}

function followsLastPart(controller: object, { frag, part }: FragLoadingData): boolean {
  if (!part || Reflect.get(controller, 'lastSn') !== frag.sn) return false;
  return Reflect.get(controller, 'lastPartIndex') === part.index - 1;
}
