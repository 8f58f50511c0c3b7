import type { JsonRpcMessage, MessageContext, Transport, TransportState } from '@mcpwire/core'

/** What a transport told its slots, in order. */
export interface Recording {
  readonly messages: JsonRpcMessage[]
  readonly contexts: (MessageContext | undefined)[]
  readonly errors: Error[]
  /** How often `onclose` was called. */
  closes: number
  /** How many messages came after `onclose`. */
  messagesAfterClose: number
  /** The states seen at each of these calls, without repetition. */
  readonly states: TransportState[]
}

/** Takes all three slots of a transport and writes down what they are told. */
export function record(transport: Transport): Recording {
  const recording: Recording = {
    messages: [],
    contexts: [],
    errors: [],
    closes: 0,
    messagesAfterClose: 0,
    states: [],
  }
  const noteState = (): void => {
    if (recording.states.at(-1) !== transport.state) recording.states.push(transport.state)
  }
  transport.onmessage = (message, context) => {
    noteState()
    recording.messages.push(message)
    recording.contexts.push(context)
    if (recording.closes > 0) recording.messagesAfterClose++
  }
  transport.onerror = (error) => {
    noteState()
    recording.errors.push(error)
  }
  transport.onclose = () => {
    noteState()
    recording.closes++
  }
  return recording
}
