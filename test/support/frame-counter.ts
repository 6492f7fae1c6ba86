/** Frames of the demo clip, which begins anew after them (media/README.md). */
export const clipFrames = 960;
export const clipFramesPerSecond = 30;

/**
 * For a page, as text: a function that takes a video element and gives the number that the clip shows in black and white
 * squares (media/README.md), or null while it shows none.
 */
export const frameNumberInPage = `((video) => {
  const canvas = (window.frameCanvas ??= new OffscreenCanvas(320, 180));
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.drawImage(video, 0, 0, 320, 180);
  const y = Math.floor((632 / 720) * 180);
  const light = (i) => context.getImageData(Math.floor((0.125 + 0.05 * i) * 320), y, 1, 1).data[1];
  const threshold = (light(0) + light(1)) / 2;
  const bits = (from, to) => {
    let value = 0;
    for (let i = from; i <= to; i++) value = value * 2 + (light(i) > threshold ? 1 : 0);
    return value;
  };
  const frame = bits(2, 11);
  const check = (frame ^ (frame >> 4) ^ (frame >> 8) ^ 10) & 15;
  return light(0) - light(1) > 100 && bits(12, 15) === check ? frame : null;
})`;
