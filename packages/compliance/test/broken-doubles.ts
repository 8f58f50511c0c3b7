import { isTransportError, type JsonRpcMessage, type Transport } from '@mcpwire/core'
import { type ClauseId, loopback, type TransportPair, type TransportSubject, turns } from '../src/index.js'

/** The defect of each double, by the clause that it breaks. The end of "a transport that …". */
export const defects: Readonly<Record<ClauseId, string>> = {
  C1: 'ignores a second start()',
  C2: 'delays long messages so that short ones overtake them',
  C3: 'never settles sends that are pending at the end',
  C4: 'calls onclose twice',
  C5: 'does not report a callback that throws',
  C6: 'wraps the reason of an abort in another error',
  C7: 'resolves start() after the peer disconnected',
  C8: 'waits in close() for a peer that does not read',
  C9: 'accepts received messages of any length',
  C10: 'rounds an id that is no integer',
  C11: 'delivers messages inside send()',
  C12: 'starts a timer in its factory',
  C13: 'leaves a timer after closed',
  C14: 'deletes unknown send options',
  C15: 'converts numeric string ids to numbers',
  C16: 'has a sessionId before the peer assigned one',
  C17: 'cannot be extended',
  C18: 'accepts batches of every version',
  C19: 'serves one connection after the other',
}

/** A medium for each clause with only the defect that breaks the clause. */
export const brokenDoubles = {
  C1: damaged(({ near }) => {
    const start = near.start.bind(near)
    near.start = async (options) => {
      if (near.state === 'idle' || near.state === 'closed') await start(options)
    }
  }),

  C2: damaged(({ near }) => {
    const send = near.send.bind(near)
    near.send = async (message, options) => {
      if (near.state === 'open' && isLong(message)) await turns(3)
      await send(message, options)
    }
  }),

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

  C4: damaged(({ near }) => {
    void near.closed.then(() => {
      try {
        near.onclose?.()
      } catch {
        // The defect is the second call, not the error.
      }
    })
  }),

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

  C6: damagedEverywhere((transport) => {
    const start = transport.start.bind(transport)
    transport.start = async (options) => {
      await start(options).catch((cause: unknown) => {
        throw options?.signal?.aborted ? new Error('the connection was aborted', { cause }) : cause
      })
    }
  }),

  C7: {
    ...loopback,
    hangsUpDuringStart: async (options) => {
      const lone = await provided(loopback.hangsUpDuringStart)(options)
      const start = lone.transport.start.bind(lone.transport)
      lone.transport.start = (signal) => start(signal).catch(() => {})
      return lone
    },
  },

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

  C9: {
    ...loopback,
    pair: ({ maxMessageBytes: _ignored, ...options }) => loopback.pair(options),
  },

  C10: replaced((pair) => ({
    ...pair,
    sendRaw: (to, text) =>
      provided(pair.sendRaw)(to, text.replace(/^\{"jsonrpc":"2.0","id":1\.5,/, '{"jsonrpc":"2.0","id":1,')),
  })),

  C11: damaged(({ near }) => {
    const queue: (() => void)[] = []
    const deliver = (): void => {
      for (const each of queue.splice(0)) each()
    }
    replaceCallback(near, 'onmessage', (callback) => (...args) => {
      queue.push(() => {
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

  C12: {
    ...loopback,
    create: (overlay) => {
      const transport = provided(loopback.create)(overlay)
      const timer = setInterval(() => {}, 1_000)
      void transport.closed.then(() => clearInterval(timer))
      return transport
    },
  },

  C13: replaced((pair) => {
    const start = pair.near.start.bind(pair.near)
    let timer: NodeJS.Timeout | undefined
    pair.near.start = async (options) => {
      await start(options)
      timer = setInterval(() => {}, 1_000)
    }
    return { ...pair, cleanup: () => clearInterval(timer) }
  }),

  C14: damaged(({ near }) => {
    const send = near.send.bind(near)
    near.send = (message, options) => {
      if (options) delete (options as Record<string, unknown>)['x-unknown']
      return send(message, options)
    }
  }),

  C15: damaged((pair) => {
    replaceCallback(farOf(pair), 'onmessage', (callback) => (message, context) => {
      const looksLikeNumber = 'id' in message && typeof message.id === 'string' && /^\d+$/.test(message.id)
      return callback(
        looksLikeNumber ? ({ ...message, id: Number(message.id) } as JsonRpcMessage) : message,
        context,
      )
    })
  }),

  C16: damaged(({ near }) => {
    Object.defineProperty(near, 'sessionId', { value: 'made-up', configurable: true })
  }),

  C17: damaged(({ near }) => {
    Object.preventExtensions(near)
  }),

  C18: replaced((pair) => ({
    ...pair,
    sendRaw: async (to, text) => {
      const sendRaw = provided(pair.sendRaw)
      const members = membersOf(text)
      if (members.length === 0) await sendRaw(to, text)
      for (const each of members) await sendRaw(to, JSON.stringify(each))
    },
  })),

  C19: oneAfterTheOther(),
} satisfies Record<string, TransportSubject>

/** Further media, each with another defect that breaks only this clause. */
export const furtherDoubles: readonly {
  readonly clause: ClauseId
  readonly defect: string
  readonly subject: TransportSubject
}[] = [
  {
    clause: 'C3',
    defect: 'waits without limit for its peer in start()',
    subject: {
      ...loopback,
      neverConnects: ({ clock: _ignored, ...options }) => provided(loopback.neverConnects)(options),
    },
  },
  {
    clause: 'C10',
    defect: 'lets a request with a malformed response hang',
    subject: damaged((pair) => {
      for (const end of [pair.near, farOf(pair)])
        dropMessages(end, (message) => 'error' in message && message.error.code === -31_009)
    }),
  },
  {
    clause: 'C15',
    defect: 'keeps an integer id that came back as a string',
    subject: damaged(({ near }) => {
      replaceCallback(near, 'onmessage', (callback) => (message, context) => {
        const isSent = 'result' in message && message.result['n'] === message.id
        return callback(isSent ? { ...message, id: String(message.id) } : message, context)
      })
    }),
  },
  {
    clause: 'C18',
    defect: 'does not answer a batch',
    subject: damaged((pair) => {
      for (const end of [pair.near, farOf(pair)])
        dropMessages(end, (message) => 'error' in message && message.error.message.includes('batch'))
    }),
  },
]

/** The loopback, where a pair sends only while no other pair has messages that have not arrived. */
function oneAfterTheOther(): TransportSubject {
  const pairs = new Set<{ readonly near: Transport; undelivered: number }>()
  return damaged((pair) => {
    const { near } = pair
    const own = { near, undelivered: 0 }
    pairs.add(own)
    replaceCallback(farOf(pair), 'onmessage', (callback) => (...args) => {
      own.undelivered--
      return callback(...args)
    })
    const isBusy = (): boolean =>
      [...pairs].some((each) => each !== own && each.near.state === 'open' && each.undelivered > 0)
    const send = near.send.bind(near)
    const sendLater: typeof send = async (message, options) => {
      while (isBusy()) await turns(1)
      await near.send(message, options)
    }
    near.send = (message, options) => {
      if (isBusy()) return sendLater(message, options)
      own.undelivered++
      return send(message, options)
    }
  })
}

function dropMessages(transport: Transport, isDropped: (message: JsonRpcMessage) => boolean): void {
  replaceCallback(transport, 'onmessage', (callback) => (message, context) => {
    return isDropped(message) ? undefined : callback(message, context)
  })
}

type Messages = NonNullable<Transport['onmessage']>

/** The loopback with a change to the transports of its pairs. */
function damaged(damage: (pair: TransportPair) => void): TransportSubject {
  return replaced((pair) => {
    damage(pair)
    return pair
  })
}

/** The loopback with a change to its pairs. */
function replaced(replace: (pair: TransportPair) => TransportPair): TransportSubject {
  return { ...loopback, pair: async (options) => replace(await loopback.pair(options)) }
}

/** The loopback with a change to all of its transports. */
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

/** Wraps every callback that is set to a slot. */
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
  if (far instanceof Promise) throw new Error('the loopback has no promise of a far end')
  return far
}

function provided<T>(hook: T | undefined): T {
  if (hook === undefined) throw new Error('the loopback has every hook')
  return hook
}

function isLong(message: JsonRpcMessage): boolean {
  const fill = 'params' in message ? message.params?.['fill'] : undefined
  return typeof fill === 'string' && fill.length > 50_000
}

function membersOf(text: string): unknown[] {
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) ? value : []
  } catch {
    return []
  }
}
