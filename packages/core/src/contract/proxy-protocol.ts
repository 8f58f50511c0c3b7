import type { Handshake, Refusal } from './gate.js'

/** The result of reading the start of a connection as a PROXY protocol header. */
export type ProxyHeader =
  /** More bytes are required. */
  | { readonly kind: 'incomplete' }
  | {
      readonly kind: 'complete'
      /** The length of the header, in bytes. The bytes after it are those of the client. */
      readonly length: number
      /** The caller. `undefined` where the proxy itself is the caller, such as for a health check. */
      readonly remote: Handshake['remote'] | undefined
    }
  | { readonly kind: 'malformed'; readonly reason: string }

/** Reads the header in which a proxy names the caller of a connection, before the first byte of that caller. */
export interface ProxyProtocol {
  /** Longest time until the header is complete, in milliseconds. */
  readonly timeoutMs: number
  /**
   * Decides by the address of a connection: whether it starts with a header, is a caller itself, or is refused.
   *
   * @param address the IP address at the other end of the connection
   */
  readonly expect: (address: string) => 'header' | 'caller' | Refusal
  /**
   * Reads the header. It finds a malformed or too long one before more bytes are received.
   *
   * @param start all bytes that have arrived
   */
  readonly read: (start: Uint8Array) => ProxyHeader
}
