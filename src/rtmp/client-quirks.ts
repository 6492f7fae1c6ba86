/**
 * ffmpeg and librtmp (VLC, OBS and mpv play with them), which call themselves Flash players of these versions. They take
 * a status among the data for a track of the stream.
 */
export function isLibrary(clientName: string | undefined): boolean {
  return clientName === 'LNX 9,0,124,2' || isLibrtmp(clientName);
}

/**
 * librtmp takes the times that follow `play` for those since the `start` that it has asked for, and what is before it for
 * the pictures that a decoder needs to get there, all at 0: so did the servers that it was written for. rtmpdump finds by
 * that where it goes on with `--resume`. After `seek` it wants the times of the file, as everybody does.
 */
export function isLibrtmp(clientName: string | undefined): boolean {
  return clientName === 'LNX 10,0,32,18';
}

/**
 * node-media-server, when it pulls: it throws away what comes in one packet with `NetStream.Play.Start`, and so would be
 * without the configurations for good.
 */
export function takesNoMediaWithStart(clientName: string | undefined): boolean {
  return clientName === 'FMLE/3.0';
}
