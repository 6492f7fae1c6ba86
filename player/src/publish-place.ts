/** Where encoders publish, as the edge says in `/streamfront.json`. */
export interface PublishPlace {
  readonly rtmpPort: number;
  readonly streamKeyNeeded: boolean;
}

/** What holds until the edge has answered, and where a page is served by something else. */
export const defaultPlace: PublishPlace = { rtmpPort: 1935, streamKeyNeeded: false };

/** What does not fit is taken for the default. */
export function publishPlaceOf(document: unknown): PublishPlace {
  if (typeof document !== 'object' || document === null) return defaultPlace;
  const publish = 'publish' in document ? document.publish : undefined;
  const port = typeof publish === 'object' && publish !== null && 'rtmpPort' in publish ? publish.rtmpPort : undefined;
  return {
    rtmpPort: typeof port === 'number' && Number.isInteger(port) && port > 0 ? port : defaultPlace.rtmpPort,
    streamKeyNeeded: 'streamKeyNeeded' in document && document.streamKeyNeeded === true,
  };
}

let asked: Promise<PublishPlace> | undefined;

/** Asks once for the life of the page. Never rejects. */
export function publishPlace(): Promise<PublishPlace> {
  asked ??= fetch('/streamfront.json')
    .then(async (answer) => (answer.ok ? publishPlaceOf(await answer.json()) : defaultPlace))
    .catch(() => defaultPlace);
  return asked;
}
