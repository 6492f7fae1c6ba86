/** What an RTMP client calls a stream, as it comes over the wire: an application and a name, each with a query perhaps. */

const streamNameGrammar = /^[A-Za-z0-9._-]{1,128}$/;

/** `live/?key=x` → `live`. */
export function applicationName(app: string): string {
  return withoutQuery(app).replace(/^\/+|\/+$/g, '');
}

/** `mp4:stage.mp4?key=x` → `stage.mp4`: some clients put the container before the name. */
export function plainStreamName(streamName: string): string {
  return withoutQuery(streamName).replace(/^(?:flv|mp4|mp3):/, '');
}

/** Whether a plain name can be that of a stream: 1 to 128 letters, digits, dots, hyphens and underscores. */
export function isStreamName(name: string): boolean {
  return streamNameGrammar.test(name) && name !== '.' && name !== '..';
}

/** Name and path (`app/name`) of a stream, without queries; `undefined` when the name can be that of none. */
export function streamPath(
  app: string,
  streamName: string,
): { readonly name: string; readonly path: string } | undefined {
  const name = plainStreamName(streamName);
  return isStreamName(name) ? { name, path: `${applicationName(app)}/${name}` } : undefined;
}

/** What stands before the first question mark. */
function withoutQuery(text: string): string {
  const at = text.indexOf('?');
  return at === -1 ? text : text.slice(0, at);
}
