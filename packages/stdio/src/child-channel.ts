import {
  type Clock,
  type ErrorAdvice,
  isRequest,
  isTransportError,
  type JsonRpcMessage,
  type Peer,
  type RequestId,
  TransportError,
} from '@mcpwire/core'
import { type Channel, deferred, notWritable, type Sink, toError } from '@mcpwire/core/authoring'
import { duplexChannel } from '@mcpwire/core/node'
import type { Child, Exit } from './child-process.js'
import type { CommandFault } from './command-check.js'
import { drainOutput } from './drain-output.js'
import { errorLinesOf, exitAdvice } from './exit-report.js'
import { shutDown } from './shutdown.js'
import { createStderrTail } from './stderr.js'
import { strayOutputReporter } from './stray-output.js'

// The life of a channel over a child:
//
//   open ──── child exits: drain stdout ──┐
//     │ ───── stdout ends or fails ───────┴─▶ ending: shut down the tree, drain stderr, release ──▶ sink.end(reason)
//     │
//     └────── close() ──────────────────────▶ closing: end stdin, shut down the tree, release ──▶ close() resolves
//
// Both ways lead through `shutDown`: end of input, SIGTERM, SIGKILL. After a `close()` while ending, `sink.end` is not
// called. The reason is PROCESS_EXITED, none for exit code 0, else the error of the stream.

/** Options of a channel over a child. */
export interface ChildChannelOptions {
  readonly peer: Peer
  readonly clock: Clock
  readonly closeTimeoutMs: number
  readonly maxMessageBytes: number
  readonly maxQueuedBytes: number
  readonly keepEncoded: boolean
  readonly onStrayOutput?: ((text: string) => void) | undefined
  /** Receives what the child writes to standard error, unbuffered. */
  readonly onStderr: (chunk: Buffer) => void
  /** The names of the variables of this process that the child does not inherit. */
  readonly withheld: readonly string[]
  /** Finds the fault of a program that a shell or `env` did not find. */
  readonly inspectCommand: () => Promise<CommandFault | undefined>
}

/** The exit codes of shells and of `env` for a program that was not found or is not executable. */
const NOT_RUN_CODES: ReadonlySet<number | null> = new Set([126, 127])

/** Time that descendants get after the child has exited. Its end is to be reported within 100 ms. */
const ORPHAN_BUDGET_MS = 60

/** A channel over the standard streams of a child. Its end is the end of the child and all descendants. */
export function childChannel(child: Child, sink: Sink, options: ChildChannelOptions): Channel {
  const { clock, closeTimeoutMs } = options
  const { address } = options.peer
  const tail = createStderrTail()
  child.stderr.on('error', ignore).on('data', (chunk: Buffer) => {
    tail.push(chunk)
    options.onStderr(chunk)
  })
  const ended = deferred<void>()
  /** The end of the child's output. It comes after the end of the stream while messages wait to be taken. */
  const outputEnded = deferred<void>()
  let cutOff: Error | undefined
  let isEnding = false
  let isClosing = false

  /** Ends the tree, and then reports why the conversation ended. */
  async function end(timeoutMs: number, lost?: Error): Promise<void> {
    if (isEnding || isClosing) return
    isEnding = true
    let failure = lost
    child.stdin.destroy()
    try {
      await shutDown(child, timeoutMs, clock)
      await drainOutput(child.stderr, clock)
    } catch (error) {
      failure ??= toError(error)
    } finally {
      child.release()
    }
    const reason = await reasonOf(await exitSoFar(child), failure ?? cutOff)
    if (!isClosing) sink.end(reason)
    ended.resolve()
  }

  /**
   * Why the conversation ended. An exit that followed a signal of ours is none. Exit code 0 is one only in the middle of a
   * message.
   */
  async function reasonOf(exit: Exit | undefined, lost: Error | undefined): Promise<Error | undefined> {
    if (!exit || exit.isByUs || (lost && !isTransportError(lost, 'PEER_LOST'))) return lost
    const { exitCode, signal } = exit
    if (exitCode === 0) return cutOff
    const stderrTail = tail.text()
    const how = signal ? `was ended by ${signal}` : `exited with code ${exitCode}`
    const lines = errorLinesOf(stderrTail).join(' | ')
    const message = `${address} ${how}${lines === '' ? '' : `: ${lines}`}`
    const details = { exitCode, signal, stderrTail, ...(await adviceFor(exit, stderrTail)) }
    return new TransportError('PROCESS_EXITED', message, details, { cause: lost })
  }

  async function adviceFor({ exitCode, signal }: Exit, stderrTail: string): Promise<ErrorAdvice> {
    if (signal || echo.hasReceived) return {}
    const fault = NOT_RUN_CODES.has(exitCode) ? await options.inspectCommand() : undefined
    if (fault) return { option: 'command', hint: fault.hint ? `${fault.why}: ${fault.hint}` : fault.why }
    return exitAdvice(stderrTail, options.withheld)
  }

  /** The failure of a child that never wrote a byte. After an early `close()` nothing else reports it. */
  async function failureOfSilentChild(): Promise<Error | undefined> {
    const exit = await exitSoFar(child)
    if (!exit || exit.isByUs || channel.traffic?.bytesReceived !== 0) return undefined
    await drainOutput(child.stderr, clock)
    return await reasonOf(exit, undefined)
  }

  const echo = new EchoDetector()
  const channel = duplexChannel(
    { readable: child.stdout, writable: child.stdin },
    {
      ...sink,
      end: (lost) => void end(closeTimeoutMs, lost),
      message: (message, context) => {
        if (echo.received(message)) sink.message(message, context)
        else void end(closeTimeoutMs, echoError(address))
      },
    },
    {
      ...options,
      oversize: 'skip',
      invalidUtf8: 'replace',
      maxMalformedInARow: Infinity,
      onStrayOutput: strayOutputReporter(address, sink, options.onStrayOutput),
      beforeEnd: (error) => {
        cutOff = error
        outputEnded.resolve()
        return undefined
      },
    },
  )

  void child.exited.then(async () => {
    await drainOutput(child.stdout, clock)
    if (child.stdout.readableEnded) await Promise.race([outputEnded.promise, ended.promise])
    await end(Math.min(ORPHAN_BUDGET_MS, closeTimeoutMs))
  })

  return {
    ...channel,
    send: (message, sendOptions) => {
      // Settled by the end, whose reason is more specific than a failed write.
      if (isEnding || child.stdout.readableEnded || child.stdin.errored) {
        return ended.promise.then(() => Promise.reject(notWritable(address)))
      }
      echo.sent(message)
      return channel.send(message, sendOptions)
    },
    close: async () => {
      isClosing = true
      const closed = channel.close()
      let failure: Error | undefined
      try {
        await shutDown(child, closeTimeoutMs, clock)
        failure = await failureOfSilentChild()
      } finally {
        // A process outside the group may hold the pipes open.
        child.release()
      }
      await closed
      ended.resolve()
      if (failure) sink.error(failure)
    },
  }
}

function exitSoFar({ exited }: Child): Promise<Exit | undefined> {
  return Promise.race([exited, Promise.resolve(undefined)])
}

/** The methods that begin a conversation. A server never sends them. */
const FIRST_METHODS: readonly string[] = ['initialize', 'server/discover']

/** Recognizes a program that writes its input back, such as `cat` or a terminal. */
class EchoDetector {
  hasReceived = false
  #isEcho = false
  readonly #methods = new Map<RequestId, string>()

  sent(message: JsonRpcMessage): void {
    if (this.hasReceived || !isRequest(message) || !FIRST_METHODS.includes(message.method)) return
    this.#methods.set(message.id, message.method)
  }

  /** Returns `false` once the first message of the child is a request that was sent to it. */
  received(message: JsonRpcMessage): boolean {
    if (this.hasReceived) return !this.#isEcho
    this.hasReceived = true
    this.#isEcho = isRequest(message) && this.#methods.get(message.id) === message.method
    this.#methods.clear()
    return !this.#isEcho
  }
}

function echoError(address: string): Error {
  const message = `${address} is not an MCP server: it echoes its input`
  const hint = 'check the command, and run a container or a remote shell without a terminal (-t)'
  return new TransportError('CONNECT_FAILED', message, { address, option: 'command', hint })
}

function ignore(): void {}
