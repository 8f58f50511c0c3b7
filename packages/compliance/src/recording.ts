import type { JsonRpcMessage, MessageContext, Transport, TransportState } from '@mcpwire/core'

/** The calls of the slots of a transport, in order. */
export interface Recording {
  readonly messages: JsonRpcMessage[]
  readonly contexts: (MessageContext | undefined)[]
  readonly errors: Error[]
  /** Number of calls of `onclose`. */
  closes: number
  /** Number of messages after `onclose`. */
  messagesAfterClose: number
  /** The states at these calls, without repetition. */
  readonly states: TransportState[]
}

/** Sets all three slots of a transport and records their calls. */
export function record(transport: Transport): Recording {
  const recording: Recording = {
    messages: [],
    contexts: [],
    errors: [],
    closes: 0,
    messagesAfterClose: 0,
    states: [],
  }
  const recordState = (): void => {
    if (recording.states.at(-1) !== transport.state) recording.states.push(transport.state)
  }
  transport.onmessage = (message, context) => {
    recordState()
    recording.messages.push(message)
    recording.contexts.push(context)
    if (recording.closes > 0) recording.messagesAfterClose++
  }
  transport.onerror = (error) => {
    recordState()
    recording.errors.push(error)
  }
  transport.onclose = () => {
    recordState()
    recording.closes++
  }
  return recording
}

/** Sends without waiting and records the outcomes. */
export interface SendLog {
  send(message: JsonRpcMessage): void
  /** Number of sends that have not settled. */
  readonly pending: number
  /** Bytes of JSON text in these sends. */
  readonly pendingBytes: number
  readonly failures: unknown[]
}

/** Creates a log of sends through one transport. */
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
