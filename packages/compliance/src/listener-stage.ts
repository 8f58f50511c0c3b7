import type { Listener, ListenerOptions, Transport } from '@mcpwire/core'
import { Exempt } from './exempt.js'
import type { ListenerAbility, ListenerClientOptions, ListenerSubject } from './listener-subject.js'
import { type Recording, record } from './recording.js'
import { until, within } from './waiting.js'

const PATIENCE_MS = 5_000

/** One test of the listener suite, as data. */
export interface ListenerCase {
  readonly title: string
  readonly run: (stage: ListenerStage) => Promise<void>
}

/** A listener with what it was told. */
export interface Hearing {
  readonly listener: Listener
  /** What `onconnection` was called with, in order. Nobody has started them. */
  readonly callers: Transport[]
  readonly errors: Error[]
  closes: number
}

/** Two ends of one connection, both open. */
export interface Meeting {
  readonly client: Transport
  readonly connection: Transport
  readonly atClient: Recording
  readonly atConnection: Recording
}

/** What a case of the listener suite works with. Everything it makes is cleaned up after the case. */
export interface ListenerStage {
  readonly subject: ListenerSubject
  readonly graceMs: number
  /** A listener that was not started. */
  idle(options?: ListenerOptions): Promise<Hearing>
  /** A listener that was started. */
  listening(options?: ListenerOptions): Promise<Hearing>
  /** A client that was not started. */
  client(hearing: Hearing, options?: ListenerClientOptions): Promise<Transport>
  /** A client and its connection, both open. */
  meet(hearing: Hearing, options?: ListenerClientOptions): Promise<Meeting>
  /** Makes a client call, and waits until the listener yields its connection, which stays unstarted. */
  call(hearing: Hearing): Promise<{ client: Transport; connection: Transport }>
  /** Makes a client call, and answers why it did not get in. */
  turnedAway(hearing: Hearing, options?: ListenerClientOptions): Promise<unknown>
  /** Adds a listener made elsewhere to what is cleaned up. */
  adopt(listener: Listener): Hearing
  need<T>(ability: ListenerAbility, provided: T | undefined): T
  isHeldTo(ability: ListenerAbility): boolean
  until(fact: () => boolean, what: string): Promise<void>
  within<T>(promise: PromiseLike<T>, what: string): Promise<T>
  clear(): Promise<void>
}

/** Sets the stage for one case. */
export function createListenerStage(subject: ListenerSubject): ListenerStage {
  const graceMs = subject.graceMs ?? PATIENCE_MS
  const undo: (() => unknown)[] = []
  const isHeldTo = (ability: ListenerAbility): boolean => subject.exempt?.[ability] === undefined
  const waitUntil = (fact: () => boolean, what: string): Promise<void> => until(fact, what, graceMs)
  const waitFor = <T>(promise: PromiseLike<T>, what: string): Promise<T> => within(promise, what, graceMs)

  function adopt(listener: Listener): Hearing {
    undo.unshift(() => listener.close())
    const hearing: Hearing = { listener, callers: [], errors: [], closes: 0 }
    listener.onconnection = (connection) => hearing.callers.push(connection)
    listener.onerror = (error) => hearing.errors.push(error)
    listener.onclose = () => {
      hearing.closes++
    }
    return hearing
  }

  async function client(hearing: Hearing, options: ListenerClientOptions = {}): Promise<Transport> {
    const made = await subject.connect(hearing.listener, options)
    undo.unshift(() => made.close())
    return made
  }

  /** Starts a client; what becomes of it is for the caller to find out. Left unserved, nobody starts its connection. */
  async function dial(
    hearing: Hearing,
    options?: ListenerClientOptions,
    { isServed } = { isServed: true },
  ): Promise<{ client: Transport; connection: Promise<Transport>; opened: Promise<void> }> {
    const index = hearing.callers.length
    const made = await client(hearing, options)
    const came = waitUntil(() => hearing.callers.length > index, 'onconnection was called')
    const connection = came.then(() => hearing.callers[index] as Transport)
    connection.catch(() => {})
    const served = isServed ? connection : new Promise<never>(() => {})
    const opened = made.start().then(() => subject.initialize?.(made, served))
    opened.catch(() => {})
    return { client: made, connection, opened }
  }

  return {
    subject,
    graceMs,
    adopt,
    client,
    isHeldTo,
    idle: async (options = {}) => adopt(await subject.listen(options)),
    listening: async (options = {}) => {
      const hearing = adopt(await subject.listen(options))
      await waitFor(hearing.listener.start(), 'start() settled')
      return hearing
    },
    call: async (hearing) => {
      const { client: made, connection } = await dial(hearing, {}, { isServed: false })
      return { client: made, connection: await connection }
    },
    meet: async (hearing, options) => {
      const { client: made, connection, opened } = await dial(hearing, options)
      const yielded = await connection
      if (!subject.initialize) await waitFor(yielded.start(), 'the start() of the connection settled')
      await waitFor(opened, 'the client was open')
      return { client: made, connection: yielded, atClient: record(made), atConnection: record(yielded) }
    },
    turnedAway: async (hearing, options) => {
      const { client: made, opened } = await dial(hearing, options)
      const never = new Promise<never>(() => {})
      const failed = opened.then(
        () => never,
        (error: unknown) => error,
      )
      return await waitFor(Promise.race([made.closed, failed]), 'the caller was turned away')
    },
    need: (ability, provided) => {
      const reason = subject.exempt?.[ability]
      if (reason !== undefined) throw new Exempt(`${ability}: ${reason}`)
      if (provided !== undefined) return provided
      throw new Error(`this case needs '${ability}': provide it, or name it in 'exempt' with the reason`)
    },
    until: waitUntil,
    within: waitFor,
    clear: async () => {
      for (const step of [...undo.splice(0), subject.cleanup]) {
        await within(Promise.resolve().then(step), 'cleaning up', graceMs).catch(() => {})
      }
    },
  }
}
