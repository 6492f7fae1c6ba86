/**
 * The host of a URL by which this process reaches a listener of its own on `host`: the same, or loopback where it
 * listens on every address.
 */
export function ownHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}

/** The same listener, as a person on this machine writes it. */
export function hostForPeople(host: string): string {
  const own = ownHost(host);
  return own === '127.0.0.1' || own === '[::1]' ? 'localhost' : own;
}
