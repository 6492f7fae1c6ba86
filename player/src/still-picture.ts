import { element } from './element.ts';

/** The last picture of a video, kept on a canvas to stand in its place while the video is being loaded anew. */
export class StillPicture {
  readonly canvas: HTMLCanvasElement;

  constructor(attributes: Readonly<Record<string, string>> = {}) {
    this.canvas = element('canvas', { class: 'still', 'aria-hidden': 'true', hidden: true, ...attributes });
  }

  /** Keeps what the video shows now. Keeps the former picture when it shows nothing. */
  take(video: HTMLVideoElement): void {
    if (video.videoWidth === 0 || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return;
    this.canvas.width = video.videoWidth;
    this.canvas.height = video.videoHeight;
    this.canvas.getContext('2d')?.drawImage(video, 0, 0);
    this.canvas.hidden = false;
  }

  hide(): void {
    this.canvas.hidden = true;
  }
}
