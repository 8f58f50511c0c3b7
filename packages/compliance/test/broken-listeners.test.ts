import {
  type BudgetAccount,
  type BudgetHolder,
  type ByteBudget,
  type Gate,
  type Layer,
  type Listener,
  memoryClient,
  memoryListener,
  type Transport,
} from '@mcpwire/core'
import { describe, expect, test } from 'vitest'
import { Exempt } from '../src/clauses.js'
import { listenerCases, runListenerCase } from '../src/describe-listener.js'
import type { ListenerSubject } from '../src/index.js'
import { holdInMemory } from './memory-holders.js'

const TIMEOUT_MS = 240_000
/** For events that do not happen. Too short for one that does, it fails a case that may fail. */
const SHORT_GRACE_MS = 500
/** For events that happen, on a busy machine too. */
const GRACE_MS = 10_000

const good: ListenerSubject = {
  exempt: {
    beyondThisHost: 'memory is limited to this process',
    sameAddress: 'every listener in memory has its own address',
  },
  listen: (options) => memoryListener(options),
  connect: (listener, { headers }) => memoryClient({ listener, headers }),
  holdBytes: holdInMemory,
}

/** Listeners with one defect each, and the titles of the cases that must fail. */
const brokenListeners: Record<string, { listen: ListenerSubject['listen']; failing: RegExp }> = {
  'admits clients after an error of its gate': {
    listen: ({ gate, ...options }) =>
      memoryListener({ ...options, ...(gate && { gate: failingOpen(gate) }) }),
    failing: /if the gate (throws|rejects|returns)/,
  },
  'ignores gateTimeoutMs': {
    listen: (options) => memoryListener({ ...options, gateTimeoutMs: Infinity }),
    failing: /gateTimeoutMs/,
  },
  'ignores maxConnections': {
    listen: (options) => memoryListener({ ...options, maxConnections: Infinity }),
    failing: /maxConnections|another connection has ended/,
  },
  'ignores maxTotalBytes': {
    listen: (options) => memoryListener({ ...options, maxTotalBytes: Infinity }),
    failing: /^\[C9\]/,
  },
  'ends the caller that holds the least': {
    listen: ({ maxTotalBytes, ...options }) =>
      memoryListener({
        ...options,
        maxTotalBytes: typeof maxTotalBytes === 'object' ? inverted(maxTotalBytes) : maxTotalBytes,
      }),
    failing: /^\[C9\] ends the caller that holds the most/,
  },
  'keeps counting the bytes of callers that have disconnected': {
    listen: ({ maxTotalBytes, ...options }) =>
      memoryListener({
        ...options,
        maxTotalBytes: typeof maxTotalBytes === 'object' ? withoutRelease(maxTotalBytes) : maxTotalBytes,
      }),
    failing: /^\[C9\] holds nothing/,
  },
  'serves the connection with the most messages first': {
    listen: ({ layers = [], ...options }) =>
      memoryListener({ ...options, layers: [...layers, longestFirst()] }),
    failing: /^\[C19\]/,
  },
  'does not call onrefused': {
    listen: (options) => Object.defineProperty(memoryListener(options), 'onrefused', { set: () => {} }),
    failing: /onrefused|refuses a client with|maxConnections/,
  },
  'ignores startTimeoutMs': {
    listen: (options) => memoryListener({ ...options, startTimeoutMs: Infinity }),
    failing: /startTimeoutMs/,
  },
  'drops authInfo': {
    listen: ({ gate, ...options }) =>
      memoryListener({
        ...options,
        ...(gate && { gate: changed(gate, ({ authInfo: _dropped, ...verdict }) => verdict) }),
      }),
    failing: /authInfo|asks admitMessage/,
  },
  'ignores revoked and expiresAt': {
    listen: ({ gate, ...options }) =>
      memoryListener({
        ...options,
        ...(gate && { gate: changed(gate, ({ revoked: _a, expiresAt: _b, ...verdict }) => verdict) }),
      }),
    failing: /revoked|expire/,
  },
  'ignores its session policy': {
    listen: ({ sessionPolicy: _dropped, ...options }) => memoryListener(options),
    failing: /session/,
  },
  'does not ask admitMessage': {
    listen: ({ gate, ...options }) =>
      memoryListener({ ...options, ...(gate && { gate: { admit: gate.admit.bind(gate) } }) }),
    failing: /admitMessage/,
  },
  'admits requests after an error of admitMessage': {
    listen: ({ gate, ...options }) =>
      memoryListener({ ...options, ...(gate && { gate: failingOpenForMessages(gate) }) }),
    failing: /if admitMessage/,
  },
  'ignores resolveCaller': {
    listen: ({ resolveCaller: _dropped, ...options }) => memoryListener(options),
    failing: /resolveCaller/,
  },
  'ignores the end of a grant': {
    listen: ({ sessionPolicy: policy, ...options }) =>
      memoryListener({
        ...options,
        ...(policy && {
          sessionPolicy: {
            open: async (attempt, signal) =>
              ({ ...(await policy.open(attempt, signal)), revoked: undefined }) as never,
          },
        }),
      }),
    failing: /revoked/,
  },
  'ignores its layers': {
    listen: ({ layers: _dropped, ...options }) => memoryListener(options),
    failing: /layers/,
  },
  'ignores drainMs': {
    listen: (options) => {
      const listener = memoryListener(options)
      const close = listener.close.bind(listener)
      listener.close = () => close()
      return listener
    },
    failing: /drainMs/,
  },
  'calls onclose twice': {
    listen: (options) => {
      const listener = memoryListener(options)
      void listener.closed.then(() => listener.onclose?.())
      return listener
    },
    failing: /onclose|drainMs/,
  },
  'starts its connections': {
    listen: (options) => eager(memoryListener(options)),
    failing: /./,
  },
  'sends every response to all clients': {
    listen: (options) => {
      const sends: ((message: Parameters<Transport['send']>[0]) => Promise<void>)[] = []
      return memoryListener({
        ...options,
        layers: [
          ...(options.layers ?? []),
          (next) => ({
            ...next,
            connect: async (sink, signal) => {
              const channel = await next.connect(sink, signal)
              sends.push((message) => channel.send(message))
              return {
                ...channel,
                send: async (message) => {
                  for (const send of sends) await send(message).catch(() => {})
                },
              }
            },
          }),
        ],
      })
    },
    failing: /its own client only|^\[C9\] ends/,
  },
}

describe.sequential('the listener suite', () => {
  test('passes for a good listener', { timeout: TIMEOUT_MS }, async () => {
    expect(await failuresOf(good, /^$/)).toEqual([])
  })

  for (const [defect, { listen, failing }] of Object.entries(brokenListeners)) {
    test(`fails for a listener that ${defect}`, { timeout: TIMEOUT_MS }, async () => {
      const failures = await failuresOf({ ...good, listen }, failing)
      expect(failures).not.toEqual([])
      expect(failures.filter((title) => !failing.test(title))).toEqual([])
    })
  }
})

/** The titles of the cases that fail. Those with such a title may fail. */
async function failuresOf(subject: ListenerSubject, failing: RegExp): Promise<string[]> {
  const titles: string[] = []
  for (const each of listenerCases) {
    const graceMs = failing.test(each.title) ? SHORT_GRACE_MS : GRACE_MS
    await runListenerCase(each, { ...subject, graceMs }).catch((error: unknown) => {
      if (!(error instanceof Exempt)) titles.push(each.title)
    })
  }
  return titles
}

function failingOpenForMessages(gate: Gate): Gate {
  const { admitMessage } = gate
  if (!admitMessage) return gate
  return {
    ...gate,
    admitMessage: async (message, handshake, admission, signal) => {
      try {
        const refusal = await admitMessage(message, handshake, admission, signal)
        return refusal?.admit === false && refusal.status > 0 ? refusal : undefined
      } catch {
        return undefined
      }
    },
  }
}

function failingOpen(gate: Gate): Gate {
  return {
    ...gate,
    admit: async (handshake, signal) => {
      try {
        const verdict = await gate.admit(handshake, signal)
        const isRefusal = verdict?.admit === false && verdict.status !== (200 as never) && 'status' in verdict
        return isRefusal ? verdict : { ...verdict, admit: true }
      } catch {
        return { admit: true }
      }
    },
  }
}

type AdmissionOf<G> = Extract<Awaited<G>, { admit: true }>

function changed(
  gate: Gate,
  change: (verdict: AdmissionOf<ReturnType<Gate['admit']>>) => AdmissionOf<ReturnType<Gate['admit']>>,
): Gate {
  return {
    ...gate,
    admit: async (handshake, signal) => {
      const verdict = await gate.admit(handshake, signal)
      return verdict?.admit === true ? change(verdict) : verdict
    },
  }
}

/** A budget that ends the holder that holds the least. */
function inverted(budget: ByteBudget): ByteBudget {
  const accounts = new Map<BudgetAccount, BudgetHolder>()
  return {
    ...viewOf(budget),
    open: (holder) => {
      const account = budget.open({
        ...holder,
        shed: (error, excessBytes) => {
          const [least] = [...accounts]
            .filter(([each]) => each.heldBytes > 0)
            .sort(([a], [b]) => a.heldBytes - b.heldBytes)
          ;(least?.[1] ?? holder).shed(error, excessBytes)
        },
      })
      accounts.set(account, holder)
      return account
    },
  }
}

/** A budget whose accounts go on to hold bytes after they were closed. */
function withoutRelease(budget: ByteBudget): ByteBudget {
  return {
    ...viewOf(budget),
    open: (holder) => {
      const account = budget.open(holder)
      const hold = (bytes: number): void => {
        if (bytes > 0) account.hold(bytes)
      }
      return { heldBytes: 0, hold, close: () => {} }
    },
  }
}

function viewOf({ maxTotalBytes }: ByteBudget): Omit<ByteBudget, 'open'> {
  return { maxTotalBytes, heldBytes: 0 }
}

/** A layer that delivers the messages of the connection with the most of them first. */
function longestFirst(): Layer {
  const queues: (() => void)[][] = []
  let isDelivering = false
  const deliver = (): void => {
    let longest: (() => void)[] = []
    for (const queue of queues) if (queue.length > longest.length) longest = queue
    const next = longest.shift()
    isDelivering = next !== undefined
    if (!next) return
    next()
    setImmediate(deliver)
  }
  return (next) => ({
    ...next,
    connect: (sink, signal) => {
      const queue: (() => void)[] = []
      queues.push(queue)
      const add = (event: () => void): void => {
        queue.push(event)
        if (!isDelivering) setImmediate(deliver)
        isDelivering = true
      }
      return next.connect(
        {
          ...sink,
          message: (message, context) => add(() => sink.message(message, context)),
          end: (reason) => add(() => sink.end(reason)),
        },
        signal,
      )
    },
  })
}

/** A listener that starts every connection right after it yields it. */
function eager(listener: Listener): Listener {
  let current: Listener['onconnection']
  Object.defineProperty(listener, 'onconnection', {
    get: () =>
      current &&
      ((connection: Transport) => {
        current?.(connection)
        connection.start().catch(() => {})
      }),
    set: (callback: Listener['onconnection']) => {
      current = callback
    },
  })
  return listener
}
