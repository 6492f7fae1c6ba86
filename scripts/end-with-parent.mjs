/**
 * Loaded before the program that scripts/run.mjs starts: when that process is gone, the channel to it closes, and the
 * program shuts down as it would for a signal. Nothing is ever sent over the channel.
 */
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
process.channel?.unref();
