/** What a listener presents, for `setSecureContext` of its server; and what it asks of who connects. */
export interface TlsCredentials {
  readonly cert: string;
  readonly key: string;
  readonly minVersion: 'TLSv1.2';
  /** Whose certificates count that clients present. Who presents none gets a connection all the same. */
  readonly ca?: string;
  readonly requestCert?: true;
  readonly rejectUnauthorized?: false;
  readonly secureOptions?: number;
}

/** Certificate and key of a listener, which may be replaced while it listens. */
export interface ServerTls {
  readonly credentials: TlsCredentials;
  /** Called with what connections shall be given from now on. Returns the way to stop listening. */
  onChange(listener: (credentials: TlsCredentials) => void): () => void;
}
