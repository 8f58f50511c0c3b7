import { type Gate, type Listener, memoryClient, memoryListener, type Transport } from '@mcpwire/core'
import { describe, expect, test } from 'vitest'
import { listenerCases, runListenerCase } from '../src/describe-listener.js'
import { Exempt } from '../src/exempt.js'
import type { ListenerSubject } from '../src/index.js'

const TIMEOUT_MS = 60_000
const PATIENCE_MS = 500

const good: ListenerSubject = {
  graceMs: PATIENCE_MS,
  exempt: {
    beyondThisHost: 'memory reaches nobody outside this process',
    sameAddress: 'every listener in memory has an address of its own',
  },
  listen: (options) => memoryListener(options),
  connect: (listener, { headers }) => memoryClient({ listener, headers }),
}

/** For each promise of a listener, one whose only defect is to break it, and the cases that tell. */
const brokenListeners: Record<string, { listen: ListenerSubject['listen']; told: RegExp }> = {
  'admits whom a broken gate could not judge': {
    listen: ({ gate, ...options }) =>
      memoryListener({ ...options, ...(gate && { gate: failingOpen(gate) }) }),
    told: /^a gate that (throws|rejects|answers)/,
  },
  'waits for ever at a gate that hangs': {
    listen: (options) => memoryListener({ ...options, gateTimeoutMs: Infinity }),
    told: /gateTimeoutMs/,
  },
  'admits any number': {
    listen: (options) => memoryListener({ ...options, maxConnections: Infinity }),
    told: /maxConnections|has room again/,
  },
  'waits for ever for a connection to be started': {
    listen: (options) => memoryListener({ ...options, startTimeoutMs: Infinity }),
    told: /startTimeoutMs/,
  },
  'forgets who is calling': {
    listen: ({ gate, ...options }) =>
      memoryListener({
        ...options,
        ...(gate && { gate: changed(gate, ({ authInfo: _dropped, ...verdict }) => verdict) }),
      }),
    told: /who it is/,
  },
  'never withdraws an admission': {
    listen: ({ gate, ...options }) =>
      memoryListener({
        ...options,
        ...(gate && { gate: changed(gate, ({ revoked: _a, expiresAt: _b, ...verdict }) => verdict) }),
      }),
    told: /revoked|expire/,
  },
  'asks no session policy': {
    listen: ({ sessionPolicy: _dropped, ...options }) => memoryListener(options),
    told: /session/,
  },
  'has no layers': {
    listen: ({ layers: _dropped, ...options }) => memoryListener(options),
    told: /layers/,
  },
  'does not drain': {
    listen: (options) => {
      const listener = memoryListener(options)
      const close = listener.close.bind(listener)
      listener.close = () => close()
      return listener
    },
    told: /drainMs/,
  },
  'tells its end twice': {
    listen: (options) => {
      const listener = memoryListener(options)
      void listener.closed.then(() => listener.onclose?.())
      return listener
    },
    told: /onclose|drainMs/,
  },
  'starts connections by itself': {
    listen: (options) => eager(memoryListener(options)),
    told: /idle|start|leaves nothing|connection|never broadcasts|peer|room|session|layers|REFUSED|drain|gate|admits/,
  },
  'sends every answer to everybody': {
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
    told: /never broadcasts/,
  },
}

describe.sequential('the listener suite', () => {
  test('finds nothing wrong with a good listener', { timeout: TIMEOUT_MS }, async () => {
    expect(await failuresOf(good)).toEqual([])
  })

  for (const [defect, { listen, told }] of Object.entries(brokenListeners)) {
    test(`tells a listener that ${defect}`, { timeout: TIMEOUT_MS }, async () => {
      const failures = await failuresOf({ ...good, listen })
      expect(failures).not.toEqual([])
      expect(failures.filter((title) => !told.test(title))).toEqual([])
    })
  }
})

async function failuresOf(subject: ListenerSubject): Promise<string[]> {
  const titles: string[] = []
  for (const each of listenerCases) {
    await runListenerCase(each, subject).catch((error: unknown) => {
      if (!(error instanceof Exempt)) titles.push(each.title)
    })
  }
  return titles
}

function failingOpen(gate: Gate): Gate {
  return {
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
    admit: async (handshake, signal) => {
      const verdict = await gate.admit(handshake, signal)
      return verdict?.admit === true ? change(verdict) : verdict
    },
  }
}

/** The listener, with a start of every connection right after it was yielded. */
function eager(listener: Listener): Listener {
  let given: Listener['onconnection']
  Object.defineProperty(listener, 'onconnection', {
    get: () =>
      given &&
      ((connection: Transport) => {
        given?.(connection)
        connection.start().catch(() => {})
      }),
    set: (callback: Listener['onconnection']) => {
      given = callback
    },
  })
  return listener
}
