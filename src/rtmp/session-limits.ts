/** Every bound and every deadline of one connection to the RTMP server. */
export interface SessionLimits {
  /** The group of settings that they come from, such as `origin.rtmp`: what an operator is told to raise. */
  readonly settingGroup: string;
  /** From the connection to the end of the handshake. */
  readonly handshakeTimeoutMs: number;
  /** From there to `connect`. */
  readonly connectTimeoutMs: number;
  /** From `connect`, or from the end of the last publication, to `publish`. */
  readonly publishTimeoutMs: number;
  /** From `publish` or `play` to the answer whether that is allowed. */
  readonly admissionTimeoutMs: number;
  /** From `play` of a stored file to the same: its index may have to come first, over a line that is hardly fast enough. */
  readonly storedAdmissionTimeoutMs: number;
  /** Between two messages of a publication. */
  readonly idleTimeoutMs: number;
  readonly maxMessageBytes: number;
  /** Of all messages together that have not arrived whole yet. */
  readonly maxBufferedBytes: number;
  readonly maxChunkStreams: number;
  readonly maxMessageStreams: number;
  /** Commands and pings; twice as many may come in one burst. */
  readonly maxCommandsPerSecond: number;
  /** Of answers that the peer has not read yet. */
  readonly maxQueuedAnswerBytes: number;
}

/** The bounds that nobody needs to set, and from the two that an operator does set what follows from them. */
export function sessionLimits(
  settings: {
    readonly maxMessageBytes: number;
    readonly handshakeTimeoutMs: number;
    readonly idleTimeoutMs: number;
  },
  settingGroup = 'origin.rtmp',
): SessionLimits {
  const { maxMessageBytes, handshakeTimeoutMs, idleTimeoutMs } = settings;
  return {
    settingGroup,
    maxMessageBytes,
    handshakeTimeoutMs,
    idleTimeoutMs,
    connectTimeoutMs: 10_000,
    publishTimeoutMs: 20_000,
    admissionTimeoutMs: 15_000,
    storedAdmissionTimeoutMs: 65_000,
    // An encoder interleaves audio and video: one large message of each may be under way.
    maxBufferedBytes: settings.maxMessageBytes * 2,
    maxChunkStreams: 64,
    maxMessageStreams: 16,
    maxCommandsPerSecond: 50,
    maxQueuedAnswerBytes: 262_144,
  };
}
