import type { Listener, ListenerOptions, RefusedCaller, Transport } from '@mcpwire/core'
import { type ClauseId, Exempt } from './clauses.js'
import type {
  HeldBytes,
  ListenerAbility,
  ListenerClientOptions,
  ListenerSubject,
} from './listener-subject.js'
import { type Recording, record } from './recording.js'
import { until, within } from './waiting.js'

const GRACE_MS = 20_000

/** One test of the listener suite, as data. */
export interface ListenerCase {
  /** The clause of the contract, of those that have one. */
  readonly clause?: ClauseId
  readonly title: string
  readonly run: (fixture: ListenerFixture) => Promise<void>
}

/** Creates one test of a clause. */
export function clause(
  id: ClauseId,
  title: string,
  run: (fixture: ListenerFixture) => Promise<void>,
): ListenerCase {
  return { clause: id, title: `[${id}] ${title}`, run }
}

/** A listener and the calls of its slots. */
export interface RecordedListener {
  readonly listener: Listener
  /** The connections passed to `onconnection`, in order. They are idle. */
  readonly connections: Transport[]
  readonly errors: Error[]
  readonly refused: RefusedCaller[]
  closes: number
}

/** Both ends of one open connection. */
export interface OpenConnection {
  readonly client: Transport
  readonly connection: Transport
  readonly atClient: Recording
  readonly atConnection: Recording
}

/** The helpers of a case of the listener suite. `cleanUp()` closes everything that they create. */
export interface ListenerFixture {
  readonly subject: ListenerSubject
  readonly graceMs: number
  /** Creates an idle listener. */
  idle(options?: ListenerOptions): Promise<RecordedListener>
  /** Creates and starts a listener. */
  listening(options?: ListenerOptions): Promise<RecordedListener>
  /** Creates an idle client. */
  client(server: RecordedListener, options?: ListenerClientOptions): Promise<Transport>
  /** Connects a client. Resolves once both ends are open. */
  connectClient(server: RecordedListener, options?: ListenerClientOptions): Promise<OpenConnection>
  /** Connects a client. Resolves once the listener yields its connection, which stays idle. */
  connectUnstarted(server: RecordedListener): Promise<{ client: Transport; connection: Transport }>
  /** Connects a client that must be refused. Resolves with the reason. */
  refused(server: RecordedListener, options?: ListenerClientOptions): Promise<unknown>
  /** Connects a caller for which the listener holds bytes. Ends the case if the subject is exempt. */
  hold(server: RecordedListener, bytes: number): Promise<HeldBytes>
  /** Records a listener and closes it at the end of the case. */
  track(listener: Listener): RecordedListener
  /** The hook of the subject. Ends the case if the subject is exempt, and fails if the hook is missing. */
  requireHook<T>(ability: ListenerAbility, provided: T | undefined): T
  hasAbility(ability: ListenerAbility): boolean
  until(condition: () => boolean, description: string): Promise<void>
  within<T>(promise: PromiseLike<T>, description: string): Promise<T>
  cleanUp(): Promise<void>
}

/** Creates the fixture of one case. */
export function createListenerFixture(subject: ListenerSubject): ListenerFixture {
  const graceMs = subject.graceMs ?? GRACE_MS
  const cleanups: (() => unknown)[] = []
  const hasAbility = (ability: ListenerAbility): boolean => subject.exempt?.[ability] === undefined
  const waitUntil = (condition: () => boolean, description: string): Promise<void> =>
    until(condition, description, graceMs)
  const waitFor = <T>(promise: PromiseLike<T>, description: string): Promise<T> =>
    within(promise, description, graceMs)

  function requireHook<T>(ability: ListenerAbility, provided: T | undefined): T {
    const reason = subject.exempt?.[ability]
    if (reason !== undefined) throw new Exempt(`${ability}: ${reason}`)
    if (provided !== undefined) return provided
    throw new Error(`the subject has no '${ability}': provide it, or name it in 'exempt' with the reason`)
  }

  function track(listener: Listener): RecordedListener {
    cleanups.unshift(() => listener.close())
    const server: RecordedListener = { listener, connections: [], errors: [], refused: [], closes: 0 }
    listener.onconnection = (connection) => server.connections.push(connection)
    listener.onerror = (error) => server.errors.push(error)
    listener.onrefused = (caller) => server.refused.push(caller)
    listener.onclose = () => {
      server.closes++
    }
    return server
  }

  async function client(server: RecordedListener, options: ListenerClientOptions = {}): Promise<Transport> {
    const transport = await subject.connect(server.listener, options)
    cleanups.unshift(() => transport.close())
    return transport
  }

  /** Starts a client. If it is not served, its connection is not started. `opened` may reject. */
  async function dial(
    server: RecordedListener,
    options?: ListenerClientOptions,
    { isServed } = { isServed: true },
  ): Promise<{ client: Transport; connection: Promise<Transport>; opened: Promise<void> }> {
    const index = server.connections.length
    const transport = await client(server, options)
    const yielded = waitUntil(() => server.connections.length > index, 'onconnection was called')
    const connection = yielded.then(() => server.connections[index] as Transport)
    connection.catch(() => {})
    const served = isServed ? connection : new Promise<never>(() => {})
    const opened = transport.start().then(() => subject.initialize?.(transport, served))
    opened.catch(() => {})
    return { client: transport, connection, opened }
  }

  return {
    subject,
    graceMs,
    track,
    client,
    hasAbility,
    idle: async (options = {}) => track(await subject.listen(options)),
    listening: async (options = {}) => {
      const server = track(await subject.listen(options))
      await waitFor(server.listener.start(), 'start() settled')
      return server
    },
    connectUnstarted: async (server) => {
      const { client: transport, connection } = await dial(server, {}, { isServed: false })
      return { client: transport, connection: await connection }
    },
    connectClient: async (server, options) => {
      const { client: transport, connection, opened } = await dial(server, options)
      const yielded = await connection
      if (!subject.initialize) await waitFor(yielded.start(), 'the start() of the connection settled')
      await waitFor(opened, 'the client was open')
      return {
        client: transport,
        connection: yielded,
        atClient: record(transport),
        atConnection: record(yielded),
      }
    },
    refused: async (server, options) => {
      const { client: transport, opened } = await dial(server, options)
      const never = new Promise<never>(() => {})
      const failed = opened.then(
        () => never,
        (error: unknown) => error,
      )
      return await waitFor(Promise.race([transport.closed, failed]), 'the client was refused')
    },
    requireHook,
    hold: async (server, bytes) => {
      const held = await requireHook('holdBytes', subject.holdBytes)(server.listener, bytes)
      cleanups.unshift(() => held.disconnect())
      return held
    },
    until: waitUntil,
    within: waitFor,
    cleanUp: async () => {
      for (const step of [...cleanups.splice(0), subject.cleanup]) {
        await within(Promise.resolve().then(step), 'the cleanup settled', graceMs).catch(() => {})
      }
    },
  }
}
