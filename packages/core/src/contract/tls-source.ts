/** PEM text, or DER or PEM bytes. */
export type TlsBlob = string | Uint8Array

/** Certificates and keys of one end of a TLS connection, named as in Node's `tls` module. */
export interface TlsMaterial {
  /** The certificate of this end, with its chain. */
  readonly cert?: TlsBlob
  readonly key?: TlsBlob
  readonly passphrase?: string
  /** The authorities (CAs) that verify the certificate of the other end. */
  readonly ca?: TlsBlob | readonly TlsBlob[]
}

/** Certificates that can change while they are in use, such as after a renewal on disk. */
export interface TlsSource {
  current(): TlsMaterial
  /** Calls the listener after each change. New connections then use `current()`; open ones are not affected. */
  onChange(listener: () => void): Disposable
  /**
   * Calls the listener with each error of the source, such as new certificates that it rejected. Servers report these
   * errors to the `onerror` of their listener.
   */
  onError?(listener: (error: Error) => void): Disposable
}

/** A TLS version. */
export type TlsVersion = 'TLSv1.2' | 'TLSv1.3'

/** TLS options of either end of a connection. Give each part once: as content or as a file. */
export interface TlsEndOptions extends TlsMaterial {
  /**
   * File with the certificate of this end, with its chain, in PEM.
   * @defaultValue undefined
   */
  certFile?: string | undefined
  /**
   * File with the private key of the certificate, in PEM.
   * @defaultValue undefined
   */
  keyFile?: string | undefined
  /**
   * File with the authorities (CAs) that verify the certificate of the other end, in PEM.
   * @defaultValue undefined
   */
  caFile?: string | undefined
  /**
   * Source of certificates that can change. Replaces all options above.
   * @defaultValue undefined
   */
  source?: TlsSource | undefined
  /**
   * Lowest TLS version to accept.
   * @defaultValue 'TLSv1.3'
   */
  minVersion?: TlsVersion | undefined
}

/** TLS options of a client. Without authorities it trusts those of Node. */
export interface TlsClientOptions extends TlsEndOptions {
  /**
   * Expected name in the certificate of the server. If left out, the host of the connection.
   * @defaultValue undefined
   */
  serverName?: string | undefined
}
