import { type Clock, isTransportError, type Peer, TransportError } from '@mcpwire/core'
import { type Channel, type Sink, toError } from '@mcpwire/core/authoring'
import { duplexChannel } from '@mcpwire/core/node'
import type { Child, Exit } from './child-process.js'
import { drainOutput } from './drain-output.js'
import { shutDown } from './shutdown.js'
import { createStderrTail } from './stderr.js'
import { strayOutputReporter } from './stray-output.js'
import { yieldingFlow } from './yielding-flow.js'

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
}

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
    if (!isClosing) sink.end(reasonOf(await exitSoFar(child), address, tail.text(), failure))
  }

  /** The failure of a child that never wrote a byte. After an early `close()` nothing else reports it. */
  async function failureOfSilentChild(): Promise<Error | undefined> {
    const exit = await exitSoFar(child)
    if (!exit || exit.isByUs || channel.traffic?.bytesReceived !== 0) return undefined
    await drainOutput(child.stderr, clock)
    return reasonOf(exit, address, tail.text(), undefined)
  }

  const flow = yieldingFlow(child.stdout)
  const report = strayOutputReporter(address, sink, options.onStrayOutput)
  const noise = (text: string): void => {
    report(text)
    flow.countStrayLine()
  }
  const channel = duplexChannel(
    { readable: child.stdout, writable: child.stdin },
    { ...sink, end: (lost) => void end(closeTimeoutMs, lost) },
    {
      ...options,
      oversize: 'skip',
      invalidUtf8: 'replace',
      maxMalformedInARow: Infinity,
      noise,
    },
  )

  void child.exited.then(async () => {
    await drainOutput(child.stdout, clock, () => flow.isPaused)
    await end(Math.min(ORPHAN_BUDGET_MS, closeTimeoutMs))
  })

  return {
    ...channel,
    flow,
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
      if (failure) sink.error(failure)
    },
  }
}

function exitSoFar({ exited }: Child): Promise<Exit | undefined> {
  return Promise.race([exited, Promise.resolve(undefined)])
}

/** Why the conversation ended. `undefined` for exit code 0, and for an exit that followed a signal of ours. */
function reasonOf(
  exit: Exit | undefined,
  address: string,
  stderrTail: string,
  lost: Error | undefined,
): Error | undefined {
  if (!exit || exit.isByUs || (lost && !isTransportError(lost, 'PEER_LOST'))) return lost
  const { exitCode, signal } = exit
  if (exitCode === 0) return undefined
  const how = signal ? `was ended by ${signal}` : `exited with code ${exitCode}`
  const line = errorLineOf(stderrTail)
  const message = `${address} ${how}${line === '' ? '' : `: ${line}`}`
  return new TransportError('PROCESS_EXITED', message, { exitCode, signal, stderrTail }, { cause: lost })
}

function ignore(): void {}

/** A line such as `Error: Cannot find module` or `thread 'main' panicked`, as runtimes write before they exit. */
const ERROR_LINE = /^\S*(error|exception|panic)\S*:|\bpanicked\b/i

/** The last line that names an error, else the last line: runtimes write traces and their version behind it. */
function errorLineOf(stderrTail: string): string {
  const lines = stderrTail.trim().split('\n')
  return (lines.findLast((line) => ERROR_LINE.test(line)) ?? lines.at(-1) ?? '').trim()
}
