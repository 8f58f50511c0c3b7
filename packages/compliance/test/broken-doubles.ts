import { isTransportError, type JsonRpcMessage, type Transport } from '@mcpwire/core'
import { loopback, type TransportPair, type TransportSubject, turns } from '../src/index.js'

/** For each clause, a medium whose only defect is to break it. */
export const brokenDoubles = {
  /** A second `start()` is welcome. */
  C1: damaged(({ near }) => {
    const start = near.start.bind(near)
    near.start = async (options) => {
      if (near.state === 'idle' || near.state === 'closed') await start(options)
    }
  }),

  /** Long messages take a detour on which short ones overtake them. */
  C2: damaged(({ near }) => {
    const send = near.send.bind(near)
    near.send = async (message, options) => {
      if (near.state === 'open' && isLong(message)) await turns(3)
      await send(message, options)
    }
  }),

  /** What is pending at the end stays so for ever. */
  C3: damaged(({ near }) => {
    const send = near.send.bind(near)
    near.send = (message, options) => {
      const wasOpen = near.state === 'open'
      return new Promise((resolve, reject) => {
        send(message, options).then(resolve, (error: unknown) => {
          if (!wasOpen || !isTransportError(error, 'CLOSED')) reject(error)
        })
      })
    }
  }),

  /** `onclose` is called by whoever notices the end, and two do. */
  C4: damaged(({ near }) => {
    void near.closed.then(() => {
      try {
        near.onclose?.()
      } catch {
        // That it throws is not what is wrong here.
      }
    })
  }),

  /** A callback that throws is nobody's business. */
  C5: damaged((pair) => {
    replaceCallback(farOf(pair), 'onmessage', (callback) => (...args) => {
      try {
        const result: unknown = callback(...args)
        if (result instanceof Promise) result.catch(() => {})
      } catch {
        // The defect.
      }
    })
  }),

  /** The reason of an abort is wrapped in an error of the transport's own. */
  C6: damagedEverywhere((transport) => {
    const start = transport.start.bind(transport)
    transport.start = async (options) => {
      await start(options).catch((cause: unknown) => {
        throw options?.signal?.aborted ? new Error('the connection was aborted', { cause }) : cause
      })
    }
  }),

  /** A peer that has hung up again is not noticed by `start()`. */
  C7: {
    ...loopback,
    hangsUpDuringStart: async (options) => {
      const lone = await provided(loopback.hangsUpDuringStart)(options)
      const start = lone.transport.start.bind(lone.transport)
      lone.transport.start = (signal) => start(signal).catch(() => {})
      return lone
    },
  },

  /** `close()` waits for a peer that reads nothing. */
  C8: damaged(({ near }) => {
    let pending = 0
    const send = near.send.bind(near)
    const close = near.close.bind(near)
    near.send = (message, options) => {
      const sending = send(message, options)
      pending++
      const settled = (): void => {
        pending--
      }
      sending.then(settled, settled)
      return sending
    }
    near.close = async (options) => {
      const isStuck = pending > 0
      await close(options)
      if (isStuck) await new Promise(() => {})
    }
  }),

  /** What the peer sends may be of any length. */
  C9: {
    ...loopback,
    pair: ({ maxMessageBytes: _ignored, ...options }) => loopback.pair(options),
  },

  /** An id that is no integer is rounded. */
  C10: replaced((pair) => ({
    ...pair,
    sendRaw: (to, piece) =>
      provided(pair.sendRaw)(to, piece.replace(/^\{"jsonrpc":"2.0","id":1\.5,/, '{"jsonrpc":"2.0","id":1,')),
  })),

  /** What has arrived is delivered at the next opportunity, and a `send()` is one. */
  C11: damaged(({ near }) => {
    const waiting: (() => void)[] = []
    const deliver = (): void => {
      for (const each of waiting.splice(0)) each()
    }
    replaceCallback(near, 'onmessage', (callback) => (...args) => {
      waiting.push(() => {
        if (near.state === 'open') callback(...args)
      })
      setTimeout(deliver, 20)
    })
    const send = near.send.bind(near)
    near.send = (message, options) => {
      deliver()
      return send(message, options)
    }
  }),

  /** A factory that gets ready before it is asked to. */
  C12: {
    ...loopback,
    create: (overlay) => {
      const transport = provided(loopback.create)(overlay)
      const readiness = setInterval(() => {}, 1_000)
      void transport.closed.then(() => clearInterval(readiness))
      return transport
    },
  },

  /** A timer that outlives the transport. */
  C13: replaced((pair) => {
    const start = pair.near.start.bind(pair.near)
    let forgotten: NodeJS.Timeout | undefined
    pair.near.start = async (options) => {
      await start(options)
      forgotten = setInterval(() => {}, 1_000)
    }
    return { ...pair, cleanup: () => clearInterval(forgotten) }
  }),

  /** Options are picked over for what is known. */
  C14: damaged(({ near }) => {
    const send = near.send.bind(near)
    near.send = (message, options) => {
      if (options) delete (options as Record<string, unknown>)['x-unknown']
      return send(message, options)
    }
  }),

  /** Ids that look like numbers become numbers. */
  C15: damaged((pair) => {
    replaceCallback(farOf(pair), 'onmessage', (callback) => (message, context) => {
      const looksLikeNumber = 'id' in message && typeof message.id === 'string' && /^\d+$/.test(message.id)
      return callback(
        looksLikeNumber ? ({ ...message, id: Number(message.id) } as JsonRpcMessage) : message,
        context,
      )
    })
  }),

  /** A session before there is one. */
  C16: damaged(({ near }) => {
    Object.defineProperty(near, 'sessionId', { value: 'made-up', configurable: true })
  }),

  /** An object that takes no new members. */
  C17: damaged(({ near }) => {
    Object.preventExtensions(near)
  }),

  /** Batches are accepted from anybody. */
  C18: replaced((pair) => ({
    ...pair,
    sendRaw: async (to, piece) => {
      const sendRaw = provided(pair.sendRaw)
      const pieces = membersOf(piece)
      if (pieces.length === 0) await sendRaw(to, piece)
      for (const each of pieces) await sendRaw(to, JSON.stringify(each))
    },
  })),
} satisfies Record<string, TransportSubject>

type Messages = NonNullable<Transport['onmessage']>

/** The reference medium with one thing about its transports changed. */
function damaged(damage: (pair: TransportPair) => void): TransportSubject {
  return replaced((pair) => {
    damage(pair)
    return pair
  })
}

/** The reference medium with one thing about the medium itself changed. */
function replaced(replace: (pair: TransportPair) => TransportPair): TransportSubject {
  return { ...loopback, pair: async (options) => replace(await loopback.pair(options)) }
}

/** The reference medium with one thing about every one of its transports changed. */
function damagedEverywhere(damage: (transport: Transport) => void): TransportSubject {
  return {
    ...damaged(({ near }) => damage(near)),
    neverConnects: async (options) => {
      const lone = await provided(loopback.neverConnects)(options)
      damage(lone.transport)
      return lone
    },
  }
}

/** Puts something between a slot and what users set it to. */
function replaceCallback(
  transport: Transport,
  slot: 'onmessage',
  change: (callback: Messages) => Messages,
): void {
  let changed: Messages | undefined
  Object.defineProperty(transport, slot, {
    configurable: true,
    enumerable: true,
    get: () => changed,
    set: (callback: Messages | undefined) => {
      changed = callback && change(callback)
    },
  })
}

function farOf({ far }: TransportPair): Transport {
  if (far instanceof Promise) throw new Error('the far end of the reference medium is there from the start')
  return far
}

function provided<T>(hook: T | undefined): T {
  if (hook === undefined) throw new Error('the reference medium has every hook')
  return hook
}

function isLong(message: JsonRpcMessage): boolean {
  const fill = 'params' in message ? message.params?.['fill'] : undefined
  return typeof fill === 'string' && fill.length > 50_000
}

function membersOf(piece: string): unknown[] {
  try {
    const value: unknown = JSON.parse(piece)
    return Array.isArray(value) ? value : []
  } catch {
    return []
  }
}
