import { ConfigError } from '../base/errors.ts';
import { codeOf, reasonOf } from '../base/thrown.ts';
import { RtmpServer, type RtmpServerOptions } from './rtmp-server.ts';

/**
 * Opens a listener. `setting` names where it stands in the configuration, such as `edge.rtmp`: a `ConfigError` says
 * which setting to change when the port cannot be had.
 */
export async function listenRtmp(setting: string, options: RtmpServerOptions): Promise<RtmpServer> {
  const { host, port, log } = options;
  try {
    const server = await RtmpServer.listen(options);
    const scheme = options.tls === undefined ? 'RTMP' : 'RTMPS';
    log.info({ setting: `${setting}.port`, host, port: server.port }, `Encoders can publish over ${scheme}`);
    return server;
  } catch (error) {
    throw new ConfigError('The RTMP listener does not start:', [listenFinding(error, setting, host, port)]);
  }
}

function listenFinding(error: unknown, setting: string, host: string, port: number): string {
  switch (codeOf(error)) {
    case 'EADDRINUSE':
      return `port ${port} on ${host} is in use by another program: end it, or set another ${setting}.port`;
    case 'EACCES':
      return `port ${port} may not be opened by this user: set ${setting}.port to one of 1024 or more`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `${host} is no address of this machine: set another ${setting}.host`;
    default:
      return `${setting}.host ${host}, ${setting}.port ${port}: ${reasonOf(error)}`;
  }
}
