import type { Listener, ListenerOptions, Transport } from '@mcpwire/core'

/** The names in the exemptions of a listener: hooks that are missing, and abilities. */
export type ListenerAbility =
  | 'beyondThisHost'
  | 'sameAddress'
  | 'holdBytes'
  /** A refused client receives the status, as `REFUSED` or `AUTH_REQUIRED`. */
  | 'reportsRefusal'
  /** The gate receives headers of the client. */
  | 'headers'

/** Options of one client of the suite. */
export interface ListenerClientOptions {
  /** Headers for the gate, by lower-case name. */
  readonly headers?: Readonly<Record<string, string>>
}

/** A caller for which a listener holds bytes. */
export interface HeldBytes {
  /** Settles when the listener has ended the caller. */
  readonly ended: Promise<unknown>
  /** Disconnects the caller. */
  readonly disconnect: () => void | Promise<void>
}

/** The subject of the listener suite. */
export interface ListenerSubject {
  /** Tests that do not apply to this medium, with the reason. They are skipped. */
  readonly exempt?: Readonly<Partial<Record<ListenerAbility, string>>>
  /** Creates an idle listener on a new address that only this host can reach. */
  readonly listen: (options: ListenerOptions) => Listener | Promise<Listener>
  /** Creates an idle client of a started listener. */
  readonly connect: (listener: Listener, options: ListenerClientOptions) => Transport | Promise<Transport>
  /**
   * Sends the messages that a connection needs before it carries messages in both directions, such as `initialize` over
   * HTTP. Called when the client is open. Starts the connection once it is yielded, and leaves the slots of both unset.
   */
  readonly initialize?: (client: Transport, connection: Promise<Transport>) => Promise<void>
  /** Creates an idle listener that clients on other hosts could reach. */
  readonly beyondThisHost?: (options: ListenerOptions) => Listener | Promise<Listener>
  /** Creates an idle listener on the address of a started one. */
  readonly sameAddress?: (listener: Listener, options: ListenerOptions) => Listener | Promise<Listener>
  /**
   * Connects a caller for which the listener then holds this number of bytes, such as a message without its end. The
   * suite starts the connection once it is yielded. For sockets, `unfinishedMessage` implements it.
   */
  readonly holdBytes?: (listener: Listener, bytes: number) => Promise<HeldBytes>
  /** Releases further resources of listeners and clients. Called after each case. */
  readonly cleanup?: () => void | Promise<void>
  /** The longest time for an expected event, in milliseconds. Default: 20 000. */
  readonly graceMs?: number
}
