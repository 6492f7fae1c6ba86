/**
 * ffmpeg and librtmp (VLC, OBS and mpv play with them), which call themselves Flash players of these versions. They take
 * a status among the data for a track of the stream.
 */
export function isLibrary(clientName: string | undefined): boolean {
  return clientName === 'LNX 9,0,124,2' || clientName === 'LNX 10,0,32,18';
}

/**
 * node-media-server, when it pulls: it throws away what comes in one packet with `NetStream.Play.Start`, and so would be
 * without the configurations for good.
 */
export function takesNoMediaWithStart(clientName: string | undefined): boolean {
  return clientName === 'FMLE/3.0';
}
