import { type Clock, isTransportError, type Peer, TransportError } from '@mcpwire/core'
import { type Channel, type Sink, toError } from '@mcpwire/core/authoring'
import { duplexChannel } from '@mcpwire/core/node'
import type { Child, Exit } from './child-process.js'
import { lastWords } from './last-words.js'
import { noiseReporter } from './noise.js'
import { flowWithBreaks } from './noise-breaks.js'
import { shutDown } from './shutdown.js'
import { createStderrTail } from './stderr-tail.js'

/** What a channel over a child needs to know. */
export interface ChildChannelOptions {
  readonly peer: Peer
  readonly clock: Clock
  readonly closeTimeoutMs: number
  readonly maxMessageBytes: number
  readonly maxQueuedBytes: number
  readonly keepEncoded: boolean
  readonly onStrayOutput?: ((text: string) => void) | undefined
  /** Gets what the child writes to its standard error, as it comes. */
  readonly onstderr: (chunk: Buffer) => void
}

/** How long what a child has started may outlive it: its end is to be known within 100 ms. */
const LEFTOVERS_MS = 60

/** A channel over the standard streams of a child. When either ends, so does the whole tree of processes. */
export function childChannel(child: Child, sink: Sink, options: ChildChannelOptions): Channel {
  const { clock, closeTimeoutMs } = options
  const { address } = options.peer
  const tail = createStderrTail()
  child.stderr.on('error', ignore).on('data', (chunk: Buffer) => {
    tail.push(chunk)
    options.onstderr(chunk)
  })
  let isEnding = false
  let isClosing = false

  /** The conversation is over from the other side: the tree goes, and then it is known why. */
  async function end(timeoutMs: number, lost?: Error): Promise<void> {
    if (isEnding || isClosing) return
    isEnding = true
    let failure = lost
    child.stdin.destroy()
    try {
      await shutDown(child, timeoutMs, clock)
      await lastWords(child.stderr, clock)
    } catch (error) {
      failure ??= toError(error)
    } finally {
      child.release()
    }
    if (!isClosing) sink.end(reasonOf(await exitSoFar(child), address, tail.text(), failure))
  }

  /** Why a child failed that never said anything: whoever closed early does not know yet that it was of no use. */
  async function failureOfSilent(): Promise<Error | undefined> {
    const exit = await exitSoFar(child)
    if (!exit || exit.isByUs || channel.traffic?.bytesReceived !== 0) return undefined
    await lastWords(child.stderr, clock)
    return reasonOf(exit, address, tail.text(), undefined)
  }

  const flow = flowWithBreaks(child.stdout)
  const report = noiseReporter(address, sink, options.onStrayOutput)
  const noise = (text: string): void => {
    report(text)
    flow.noise()
  }
  const channel = duplexChannel(
    { readable: child.stdout, writable: child.stdin },
    { ...sink, end: (lost) => void end(closeTimeoutMs, lost) },
    {
      ...options,
      oversize: 'skip',
      maxMalformedInARow: Infinity,
      noise,
    },
  )

  void child.exited.then(async () => {
    await lastWords(child.stdout, clock, () => flow.isHeld)
    await end(Math.min(LEFTOVERS_MS, closeTimeoutMs))
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
        failure = await failureOfSilent()
      } finally {
        // Whoever left the group may hold the pipes for good.
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

/** Why the conversation is over; nothing where the child ended in order, or was ended by us after it had. */
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
  const said = tellingLine(stderrTail)
  const message = `${address} ${how}${said === '' ? '' : `: ${said}`}`
  return new TransportError('PROCESS_EXITED', message, { exitCode, signal, stderrTail }, { cause: lost })
}

function ignore(): void {}

/** A line such as `Error: Cannot find module`, or `thread 'main' panicked`: what a runtime says of its own end. */
const VERDICT = /^\S*(error|exception|panic)\S*:|\bpanicked\b/i

/** The last line that says why, else the last: runtimes put traces and their version behind it. */
function tellingLine(stderrTail: string): string {
  const lines = stderrTail.trim().split('\n')
  return (lines.findLast((line) => VERDICT.test(line)) ?? lines.at(-1) ?? '').trim()
}
