import type { TlsMaterial, TlsSource } from '@mcpwire/core'

/**
 * TLS as a client on Node sees it; in browsers the platform decides whom to trust. Give each part once: as content
 * or as a file. Without authorities of its own it trusts those that Node ships.
 */
export interface HttpTlsOptions extends TlsMaterial {
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
   * File with the authorities whose certificates are accepted from the server, in PEM.
   * @defaultValue undefined
   */
  caFile?: string | undefined
  /**
   * Where the material comes from when it may change; instead of all of the above.
   * @defaultValue undefined
   */
  source?: TlsSource | undefined
  /**
   * Oldest version of TLS to speak. Load balancers in front of public servers may offer nothing newer than 1.2.
   * @defaultValue 'TLSv1.2'
   */
  minVersion?: 'TLSv1.2' | 'TLSv1.3' | undefined
  /**
   * The name the server's certificate must have; the host of the URL without it.
   * @defaultValue undefined
   */
  serverName?: string | undefined
}

/** What the client side of TLS uses for options that are not given. */
export const httpTlsDefaults: { readonly minVersion: 'TLSv1.2' } = { minVersion: 'TLSv1.2' }
