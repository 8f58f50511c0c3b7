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
  onchange(listener: () => void): Disposable
}
