import type { Connector } from '../contract/connector.js'
import type { JsonRpcMessage } from '../contract/message.js'
import type { Transport } from '../contract/transport.js'
import { ignore } from '../timing/promises.js'

/** Hears what a transport does, without standing between it and its channel. None of it may throw. */
export interface TransportWatch {
  /** The connector is asked to connect. */
  connecting(): void
  /** The connector, telling all that by itself: for another transport that is made of it instead. */
  around(connector: Connector): Connector
  /** That other transport is the one that is used from now on. */
  replaced(successor: Transport): void
  /** A message arrived. */
  received(message: JsonRpcMessage): void
  /** A message was handed to the channel, which takes it when the promise is settled, or failed at once. */
  sent(message: JsonRpcMessage, taken: Promise<void> | undefined): void
  /** The transport has ended, and everybody else was told. */
  ended(): void
}

/** For a transport whose messages are watched further in. */
export function endOnly(watch: TransportWatch): TransportWatch {
  return {
    connecting: ignore,
    around: (connector) => connector,
    replaced: (successor) => watch.replaced(successor),
    received: ignore,
    sent: ignore,
    ended: () => watch.ended(),
  }
}
