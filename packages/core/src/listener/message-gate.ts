/*
 * The requests of one connection whose gate has `admitMessage`:
 *
 *   wire ──▶ asked ──admitted──▶ application
 *              │  └──refused──▶ wire, as an error response
 *              └──no decision yet──▶ held, with all later messages
 *
 * All held requests are asked at once, and delivered in their order. While many are held, the input is paused.
 */
import type { BudgetAccount, ByteBudget } from '../contract/byte-budget.js'
import type { Channel, Connector, Sink } from '../contract/connector.js'
import { TransportError } from '../contract/errors.js'
import { type Admission, checkRefusal, type Gate, type Handshake, type Refusal } from '../contract/gate.js'
import type { Incoming } from '../contract/listener.js'
import { isRequest, type JsonRpcMessage, type JsonRpcRequest } from '../contract/message.js'
import type { Flow, MessageContext } from '../contract/transport.js'
import { heldBytesOf } from '../messages/message-size.js'
import { ignore, isThenable } from '../timing/promises.js'
import { callbackFailed } from '../transport/transport-errors.js'
import { unavailable } from './admission.js'
import { type DecisionLimits, decisionOf } from './decision.js'
import { toRefusalResponse } from './refusal.js'

/** A gate that is asked for each request. */
export type MessageGate = Gate & Required<Pick<Gate, 'admitMessage'>>

/** Whether the gate is asked for each request. */
export function asksForMessages(gate: Gate | undefined): gate is MessageGate {
  return gate?.admitMessage !== undefined
}

/** The sender of a request. */
export interface MessageCaller {
  readonly handshake: Handshake
  readonly admission: Admission
}

/**
 * Asks the gate about one request. Fails closed: any result but `undefined` is a refusal. Never throws or rejects. Errors of
 * the gate are reported.
 */
export function askGate(
  gate: MessageGate,
  message: JsonRpcRequest,
  { handshake, admission }: MessageCaller,
  limits: DecisionLimits & { readonly report: (error: Error) => void },
  signal: AbortSignal,
): Refusal | undefined | Promise<Refusal | undefined> {
  const failed = (cause: unknown): Refusal => {
    if (signal.aborted) return unavailable('the connection is closing')
    limits.report(
      callbackFailed('gate.admitMessage', cause, 'a request was refused because gate.admitMessage'),
    )
    return unavailable('the server could not decide whether to admit the request')
  }
  try {
    const answer = decisionOf(
      {
        name: 'gate.admitMessage',
        takesNoSignal: gate.admitMessage.length < 4,
        decide: (ownSignal) => gate.admitMessage(message, handshake, admission, ownSignal),
      },
      limits,
      signal,
    )
    if (isThenable(answer)) return answer.then(checkAnswer).catch(failed)
    return checkAnswer(answer)
  } catch (cause) {
    return failed(cause)
  }
}

function checkAnswer(answer: Refusal | undefined): Refusal | undefined {
  return answer === undefined ? undefined : checkRefusal(answer)
}

/** What a gated connection needs of its listener. */
interface GatedConnection extends MessageCaller {
  readonly gate: MessageGate
  readonly limits: DecisionLimits
  readonly budget: ByteBudget
  readonly report: (error: Error) => void
  /** A request was refused. */
  readonly refused: (refusal: Refusal) => void
}

/** What a listener supplies for the connections of its clients. */
export interface GatingListener extends Pick<GatedConnection, 'budget' | 'report' | 'refused'> {
  readonly settings: DecisionLimits & { readonly gate?: Gate | undefined }
}

/** The connector of a client. Its requests are admitted one by one where the gate asks for that, and the medium does not. */
export function admittedConnector(
  { connector, handshake, asksForMessages: asksItself }: Incoming,
  admission: Admission,
  { settings, ...listener }: GatingListener,
): Connector {
  const { gate } = settings
  if (asksItself || !asksForMessages(gate)) return connector
  return gatedConnector(connector, { ...listener, gate, handshake, admission, limits: settings })
}

/** The connector of a client whose requests are admitted one by one. */
function gatedConnector(inner: Connector, connection: GatedConnection): Connector {
  return {
    ...inner,
    connect: async (sink, signal) => {
      const input = new GatedInput(sink, connection)
      const channel = await inner.connect(
        {
          ...sink,
          message: (message, context) => input.receive(message, context),
          end: (reason) => input.end(reason),
        },
        signal,
      )
      return input.around(channel)
    },
  }
}

/** A message that waits for a decision: its own, or one about an earlier message. */
interface Held {
  readonly message: JsonRpcMessage
  readonly context: MessageContext | undefined
  readonly bytes: number
  isDecided: boolean
  refusal: Refusal | undefined
}

/** The most held messages before the input is paused. */
const MAX_HELD = 64

class GatedInput {
  readonly #sink: Sink
  readonly #connection: GatedConnection
  readonly #held: Held[] = []
  /** Aborts the pending decisions. */
  readonly #over = new AbortController()
  #account: BudgetAccount | undefined
  #channel: Channel | undefined
  #isPausedByApplication = false
  #isPausedByGate = false
  /** The end of the input, which waits for the held messages. */
  #end: { readonly reason: Error | undefined } | undefined

  constructor(sink: Sink, connection: GatedConnection) {
    this.#sink = sink
    this.#connection = connection
  }

  around(channel: Channel): Channel {
    this.#channel = channel
    const { flow } = channel
    if (this.#isPausedByGate) flow?.pause()
    return {
      ...channel,
      ...(flow && { flow: this.#flowAround(flow) }),
      close: (reason) => {
        this.#close(reason)
        return channel.close(reason)
      },
    }
  }

  receive(message: JsonRpcMessage, context: MessageContext | undefined): void {
    if (this.#over.signal.aborted) return
    const answer = isRequest(message) ? this.#ask(message) : undefined
    const isPending = isThenable(answer)
    if (!isPending && this.#held.length === 0) {
      this.#pass(message, context, answer)
      return
    }
    const refusal = isPending ? undefined : answer
    const held = { message, context, bytes: heldBytesOf(message), isDecided: !isPending, refusal }
    this.#held.push(held)
    this.#count(held.bytes)
    if (isPending) void answer.then((decision) => this.#decided(held, decision))
    if (this.#held.length >= MAX_HELD) this.#pause()
  }

  end(reason: Error | undefined): void {
    if (this.#held.length > 0) this.#end = { reason }
    else this.#finish(reason)
  }

  #ask(message: JsonRpcRequest): ReturnType<typeof askGate> {
    const { gate, limits, report } = this.#connection
    return askGate(gate, message, this.#connection, { ...limits, report }, this.#over.signal)
  }

  #decided(held: Held, refusal: Refusal | undefined): void {
    held.isDecided = true
    held.refusal = refusal
    while (this.#held[0]?.isDecided) {
      const { message, context, bytes, refusal: decision } = this.#held.shift() as Held
      this.#count(-bytes)
      this.#pass(message, context, decision)
    }
    if (this.#held.length > 0) return
    this.#resume()
    if (this.#end) this.#finish(this.#end.reason)
  }

  #pass(message: JsonRpcMessage, context: MessageContext | undefined, refusal: Refusal | undefined): void {
    if (refusal) this.#refuse(message, refusal)
    else this.#sink.message(message, context)
  }

  #refuse(message: JsonRpcMessage, refusal: Refusal): void {
    if (!isRequest(message)) return
    this.#connection.refused(refusal)
    // Without a connection, the request of the client fails anyway.
    this.#channel?.send(toRefusalResponse(message.id, refusal)).catch(ignore)
  }

  #finish(reason: Error | undefined): void {
    this.#over.abort()
    this.#account?.close()
    this.#sink.end(reason)
  }

  /** The application ends the connection: requests without a decision get an error. */
  #close(reason?: Error): void {
    if (this.#over.signal.aborted) return
    const isOverloaded = reason instanceof TransportError && reason.code === 'OVERLOADED'
    const waiting = this.#held.splice(0)
    if (!isOverloaded) {
      for (const { message } of waiting) this.#refuse(message, unavailable('the connection is closing'))
    }
    this.#over.abort()
    this.#account?.close()
  }

  #count(bytes: number): void {
    this.#account ??= this.#connection.budget.open({ shed: (error) => this.#shed(error) })
    this.#account.hold(this.#account.heldBytes + bytes)
  }

  /** The listener needs the memory: the connection ends. */
  #shed(error: TransportError<'OVERLOADED'>): void {
    this.#held.length = 0
    this.#over.abort()
    this.#account?.close()
    void this.#channel?.close(error).catch(ignore)
    this.#sink.end(error)
  }

  #flowAround(flow: Flow): Flow {
    return {
      pause: () => {
        this.#isPausedByApplication = true
        flow.pause()
      },
      resume: () => {
        this.#isPausedByApplication = false
        if (!this.#isPausedByGate) flow.resume()
      },
    }
  }

  #pause(): void {
    if (this.#isPausedByGate) return
    this.#isPausedByGate = true
    this.#channel?.flow?.pause()
  }

  #resume(): void {
    if (!this.#isPausedByGate) return
    this.#isPausedByGate = false
    if (!this.#isPausedByApplication) this.#channel?.flow?.resume()
  }
}
