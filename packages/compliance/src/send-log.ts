import type { JsonRpcMessage, Transport } from '@mcpwire/core'

/** Sends without waiting, and notes what becomes of it. */
export interface SendLog {
  send(message: JsonRpcMessage): void
  /** How many sends have not settled. */
  readonly pending: number
  /** How many bytes of JSON text those have. */
  readonly pendingBytes: number
  readonly failures: unknown[]
}

/** Makes a log of what is sent by one transport. */
export function createSendLog(transport: Transport): SendLog {
  const failures: unknown[] = []
  let pending = 0
  let pendingBytes = 0
  return {
    send: (message) => {
      const bytes = JSON.stringify(message).length
      pending++
      pendingBytes += bytes
      transport
        .send(message)
        .catch((error: unknown) => failures.push(error))
        .finally(() => {
          pending--
          pendingBytes -= bytes
        })
    },
    get pending() {
      return pending
    },
    get pendingBytes() {
      return pendingBytes
    },
    failures,
  }
}
