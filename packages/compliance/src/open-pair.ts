import type { Transport } from '@mcpwire/core'
import { type Recording, record } from './recording.js'
import type { Ability, Side, TransportPair } from './transport-subject.js'
import { until, within } from './waiting.js'

/** Sent first where the start of the input is checked. */
const firstMessage = { jsonrpc: '2.0', method: 'test/first' } as const

/** Two open ends, each with its recording. */
export interface OpenPair {
  readonly near: Transport
  readonly far: Transport
  readonly atNear: Recording
  readonly atFar: Recording
  readonly pair: TransportPair
  end(side: Side): Transport
  at(side: Side): Recording
  sendRaw(to: Side, text: string): Promise<void>
  sendRawBytes(to: Side, bytes: Uint8Array): Promise<void>
  sendUnfinished(to: Side, start: string): Promise<void>
  cut(): Promise<void>
  stall(side: Side): () => void
}

interface IdlePair {
  readonly pair: TransportPair
  readonly near: Transport
  readonly atNear: Recording
}

interface OpenOptions {
  readonly version: string
  readonly requireHook: <T>(ability: Ability, hook: T | undefined) => T
  readonly graceMs: number
  readonly signal?: AbortSignal | undefined
}

/** Starts both ends of a pair and records them. */
export async function startPair(idle: IdlePair, options: OpenOptions): Promise<OpenPair> {
  const { pair, near } = idle
  const { requireHook, graceMs } = options
  let { atNear } = idle
  let atFar: Recording | undefined
  let far: Transport
  const nearStarted = near.start({ signal: options.signal })
  nearStarted.catch(() => {})
  if (pair.initialize) {
    await within(nearStarted, 'near.start() settled', graceMs)
    await within(pair.initialize(options.version), 'initialize settled', graceMs)
    far = await within(Promise.resolve(pair.far), 'the far end was created', graceMs)
    atNear = record(near)
    atFar = record(far)
  } else {
    const created = Promise.resolve(pair.far)
    created.catch(() => {})
    // If `start()` fails there may be no far end. Its error is the one to report.
    far = await within(
      Promise.race([created, nearStarted.then(() => created)]),
      'the far end was created',
      graceMs,
    )
    atFar = record(far)
    await within(Promise.all([nearStarted, far.start()]), 'start() settled on both ends', graceMs)
  }
  const farRecording = atFar
  const recordingOf = (side: Side): Recording => (side === 'near' ? atNear : farRecording)
  const started = new Set<Side>()
  /** Sends a first message, where the start of the input is checked. It does not count as received. */
  const startInput = async (to: Side): Promise<void> => {
    const { messages, contexts } = recordingOf(to)
    if (!pair.checksStart || started.has(to) || messages.length > 0) return
    started.add(to)
    await requireHook('sendRaw', pair.sendRaw)(to, JSON.stringify(firstMessage))
    // Error responses of the other end may arrive too.
    const index = (): number =>
      messages.findIndex((message) => 'method' in message && message.method === firstMessage.method)
    await until(() => index() !== -1, 'the first message arrived', graceMs)
    contexts.splice(index(), 1)
    messages.splice(index(), 1)
  }
  return {
    near,
    far,
    atNear,
    atFar: farRecording,
    pair,
    end: (side) => (side === 'near' ? near : far),
    at: recordingOf,
    sendRaw: async (to, text) => {
      await startInput(to)
      await requireHook('sendRaw', pair.sendRaw)(to, text)
    },
    sendRawBytes: async (to, bytes) => {
      await startInput(to)
      await requireHook('sendRawBytes', pair.sendRawBytes)(to, bytes)
    },
    sendUnfinished: async (to, start) => await requireHook('sendUnfinished', pair.sendUnfinished)(to, start),
    cut: async () => await requireHook('cut', pair.cut)(),
    stall: (side) => requireHook('stall', pair.stall)(side),
  }
}
