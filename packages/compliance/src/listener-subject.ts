import type { Listener, ListenerOptions, Transport } from '@mcpwire/core'

/** What an exemption of a listener can name: a function the author did not provide, or a fact taken for granted. */
export type ListenerAbility =
  | 'beyondThisHost'
  | 'sameAddress'
  /** A caller that is refused hears the status, as `REFUSED` or `AUTH_REQUIRED`. */
  | 'reportsRefusal'
  /** What a caller presents reaches the gate as headers. */
  | 'headers'

/** What the suite wants of one client. */
export interface ListenerClientOptions {
  /** What the gate is to see, by lower-case name. */
  readonly headers?: Readonly<Record<string, string>>
}

/** A kind of listener, as the listener suite needs to know it. */
export interface ListenerSubject {
  /** What does not apply to this medium, each with the reason. Shown as skipped. */
  readonly exempt?: Readonly<Partial<Record<ListenerAbility, string>>>
  /** Makes an idle listener on an address of its own that only this host can reach. */
  readonly listen: (options: ListenerOptions) => Listener | Promise<Listener>
  /** Makes an idle client of a listener that was started. */
  readonly connect: (listener: Listener, options: ListenerClientOptions) => Transport | Promise<Transport>
  /**
   * Says what has to be said before a connection comes into being and carries messages both ways, such as
   * `initialize` over HTTP. Called when the client is open. Starts the connection once it is there, and leaves both
   * with their slots free.
   */
  readonly initialize?: (client: Transport, connection: Promise<Transport>) => Promise<void>
  /** Makes an idle listener that callers on other hosts could reach. */
  readonly beyondThisHost?: (options: ListenerOptions) => Listener | Promise<Listener>
  /** Makes an idle listener on the address of one that was started. */
  readonly sameAddress?: (listener: Listener, options: ListenerOptions) => Listener | Promise<Listener>
  /** Releases what listeners and clients needed besides themselves. Called after each case. */
  readonly cleanup?: () => void | Promise<void>
  /** How long the suite waits for what has to happen, in milliseconds; 5 000 without it. No expectation of speed. */
  readonly graceMs?: number
}
