/** PEM text, or DER or PEM bytes. */
export type TlsBlob = string | Uint8Array

/** What an end of a TLS connection needs, in the words of Node's `tls` module. */
export interface TlsMaterial {
  /** The certificate this end shows, with its chain. */
  readonly cert?: TlsBlob
  readonly key?: TlsBlob
  readonly passphrase?: string
  /** The authorities whose certificates are accepted from the other end. */
  readonly ca?: TlsBlob | readonly TlsBlob[]
}

/** Certificates that may change while they are in use, as when they are renewed on disk. */
export interface TlsSource {
  current(): TlsMaterial
  /** Calls the listener after each change; new connections then use `current()`, old ones go on. */
  onChange(listener: () => void): Disposable
}

/** The versions of TLS that may be asked for. */
export type TlsVersion = 'TLSv1.2' | 'TLSv1.3'

/** What either end of a TLS connection shows and accepts. Give each part once: as content or as a file. */
export interface TlsEndOptions extends TlsMaterial {
  /**
   * File with the certificate this end shows, with its chain, in PEM.
   * @defaultValue undefined
   */
  certFile?: string | undefined
  /**
   * File with its private key, in PEM.
   * @defaultValue undefined
   */
  keyFile?: string | undefined
  /**
   * File with the authorities whose certificates are accepted from the other end, in PEM.
   * @defaultValue undefined
   */
  caFile?: string | undefined
  /**
   * Where the material comes from when it may change; instead of all of the above.
   * @defaultValue undefined
   */
  source?: TlsSource | undefined
  /**
   * Oldest version of TLS to speak.
   * @defaultValue 'TLSv1.3'
   */
  minVersion?: TlsVersion | undefined
}

/** TLS as a client sees it. Without authorities of its own it trusts those that Node ships. */
export interface TlsClientOptions extends TlsEndOptions {
  /**
   * The name the server's certificate must have; the host that is connected to without it.
   * @defaultValue undefined
   */
  serverName?: string | undefined
}
