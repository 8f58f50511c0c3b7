import type { Transport } from '@mcpwire/core'
import { type Recording, record } from './recording.js'
import type { Ability, Side, TransportPair } from './transport-subject.js'
import { within } from './waiting.js'

/** Two open ends, each with what it was told. */
export interface Conversation {
  readonly near: Transport
  readonly far: Transport
  readonly atNear: Recording
  readonly atFar: Recording
  readonly pair: TransportPair
  end(side: Side): Transport
  at(side: Side): Recording
  sendRaw(to: Side, piece: string): Promise<void>
  sendRawBytes(to: Side, piece: Uint8Array): Promise<void>
  sendUnfinished(to: Side, start: string): Promise<void>
  cut(): Promise<void>
  stall(side: Side): () => void
}

interface Idle {
  readonly pair: TransportPair
  readonly near: Transport
  readonly atNear: Recording
}

interface Circumstances {
  readonly version: string
  readonly need: <T>(ability: Ability, hook: T | undefined) => T
  readonly graceMs: number
  readonly signal?: AbortSignal | undefined
}

/** Starts both ends of a pair and records what they hear. */
export async function conversationOver(idle: Idle, circumstances: Circumstances): Promise<Conversation> {
  const { pair, near } = idle
  const { need, graceMs } = circumstances
  let { atNear } = idle
  let atFar: Recording | undefined
  let far: Transport
  const nearStarted = near.start({ signal: circumstances.signal })
  nearStarted.catch(() => {})
  if (pair.initialize) {
    await within(nearStarted, 'near.start() settled', graceMs)
    await within(pair.initialize(circumstances.version), 'the introduction ended', graceMs)
    far = await within(Promise.resolve(pair.far), 'the far end came into being', graceMs)
    atNear = record(near)
    atFar = record(far)
  } else {
    const come = Promise.resolve(pair.far)
    come.catch(() => {})
    // Where `start()` fails there may never be a far end: that failure is the one to report.
    far = await within(
      Promise.race([come, nearStarted.then(() => come)]),
      'the far end came into being',
      graceMs,
    )
    atFar = record(far)
    await within(Promise.all([nearStarted, far.start()]), 'start() settled on both ends', graceMs)
  }
  const farRecording = atFar
  return {
    near,
    far,
    atNear,
    atFar: farRecording,
    pair,
    end: (side) => (side === 'near' ? near : far),
    at: (side) => (side === 'near' ? atNear : farRecording),
    sendRaw: async (to, piece) => await need('sendRaw', pair.sendRaw)(to, piece),
    sendRawBytes: async (to, piece) => await need('sendRawBytes', pair.sendRawBytes)(to, piece),
    sendUnfinished: async (to, start) => await need('sendUnfinished', pair.sendUnfinished)(to, start),
    cut: async () => await need('cut', pair.cut)(),
    stall: (side) => need('stall', pair.stall)(side),
  }
}
