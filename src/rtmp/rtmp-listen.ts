import { ConfigError } from '../base/errors.ts';
import { listenFinding } from '../sockets/listening.ts';
import { RtmpServer, type RtmpServerOptions } from './rtmp-server.ts';

/**
 * Opens a listener. `setting` names where it stands in the configuration, such as `edge.rtmp`: a `ConfigError` says
 * which setting to change when the port cannot be had.
 */
export async function listenRtmp(setting: string, options: RtmpServerOptions): Promise<RtmpServer> {
  const { host, log } = options;
  try {
    const server = await RtmpServer.listen(options);
    const scheme = options.tls === undefined ? 'RTMP' : 'RTMPS';
    log.info({ setting: `${setting}.port`, host, port: server.port }, `Encoders can publish over ${scheme}`);
    return server;
  } catch (error) {
    throw new ConfigError('The RTMP listener does not start:', [listenFinding(error, options, `${setting}.port`)]);
  }
}
