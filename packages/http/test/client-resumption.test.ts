import { createFakeClock, turns } from '@mcpwire/compliance'
import { isRequest } from '@mcpwire/core'
import { describe, expect, test } from 'vitest'
import type { StreamState } from '../src/index.js'
import {
  type Asked,
  event,
  introducedClient,
  resultFor,
  type Script,
  type ScriptedServer,
  scriptedServer,
  stream,
} from './support/scripted-server.js'

const call = { jsonrpc: '2.0' as const, id: 1, method: 'tools/call', params: { name: 'x' } }
const progress = {
  jsonrpc: '2.0' as const,
  method: 'notifications/progress',
  params: { progressToken: 1, progress: 1 },
}
const primed = 'id: e1\nretry: 500\ndata:\n\n'

/** A server whose tool calls begin a stream with that text and end it, and that answers GETs as told. */
function polling(first: string, get: (asked: Asked, nth: number, server: ScriptedServer) => void): Script {
  let gets = 0
  return (asked, server) => {
    if (asked.method === 'GET' && asked.headers['last-event-id'] !== undefined) {
      get(asked, gets++, server)
      return true
    }
    if (!asked.message || !isRequest(asked.message) || asked.message.method !== 'tools/call') return false
    stream(asked.response, first).end()
    return true
  }
}

const answered = (client: { messages: unknown[] }) =>
  client.messages.some((message) => (message as { id?: unknown }).id === 1)
const resumed = (server: ScriptedServer) => server.of('GET').filter(({ headers }) => headers['last-event-id'])

describe('a request that was interrupted', () => {
  test('is gone on with from the last event, as long after as the server said [HTTP-C-24, RES-C-04]', async () => {
    const clock = createFakeClock()
    const server = await scriptedServer(
      polling(primed, ({ response }) => stream(response, event(resultFor(1), 'e2')).end()),
    )
    const client = await introducedClient(server, { clock })
    await client.transport.send(call)
    await server.until(() => clock.pending === 1, 'it waits')
    await clock.advance(499)
    await turns()
    expect(resumed(server)).toEqual([])
    await clock.advance(1)
    expect(await client.answerTo(1)).toEqual(resultFor(1))
    expect(resumed(server).map(({ headers }) => headers['last-event-id'])).toEqual(['e1'])
    expect(client.errors).toEqual([])
  })

  test.each([
    ['no sooner than minRetryMs', 'retry: 1', { minRetryMs: 200 }, 200],
    ['no later than maxRetryMs', 'retry: 3600000', { maxRetryMs: 900 }, 900],
  ])('is gone on with %s', async (_how, retry, options, delayMs) => {
    const clock = createFakeClock()
    const server = await scriptedServer(
      polling(`id: e1\n${retry}\ndata:\n\n`, ({ response }) => stream(response, event(resultFor(1))).end()),
    )
    const client = await introducedClient(server, { clock, ...options })
    await client.transport.send(call)
    await server.until(() => clock.pending === 1, 'it waits')
    await clock.advance(delayMs - 1)
    await turns()
    expect(resumed(server)).toEqual([])
    await clock.advance(1)
    await client.answerTo(1)
  })

  test('without a time from the server waits a random part of a growing delay', async () => {
    const clock = createFakeClock()
    const server = await scriptedServer(
      polling('id: e1\ndata:\n\n', ({ response }, nth) => {
        if (nth < 3) response.writeHead(503).end()
        else stream(response, event(resultFor(1))).end()
      }),
    )
    const client = await introducedClient(server, { clock, random: () => 0.5 })
    await client.transport.send(call)
    for (const [nth, delayMs] of [500, 1_000, 2_000, 4_000].entries()) {
      await server.until(() => clock.pending === 1, 'it waits')
      await clock.advance(delayMs - 1)
      await turns()
      expect(resumed(server)).toHaveLength(nth)
      await clock.advance(1)
      await server.until(() => resumed(server).length === nth + 1, 'it was asked for')
    }
    await client.answerTo(1)
  })

  test('is answered with an error once polite ends have used up the budget', async () => {
    const clock = createFakeClock()
    const server = await scriptedServer(polling(primed, ({ response }) => stream(response, primed).end()))
    const client = await introducedClient(server, { clock, reconnect: { maxAttempts: 3 } })
    await client.transport.send(call)
    for (let nth = 1; nth <= 3; nth++) {
      await server.until(() => clock.pending === 1, 'it waits')
      await clock.advance(500)
      await server.until(() => resumed(server).length === nth, 'it was asked for')
    }
    expect(await client.answerTo(1)).toMatchObject({
      error: { code: -31_006, data: { code: 'OUTCOME_UNKNOWN', cause: 'RECONNECT_EXHAUSTED' } },
    })
    expect(client.transport.state).toBe('open')
    expect(clock.pending).toBe(0)
  })

  test('has its budget back after a message, or after healthyUptimeMs', async () => {
    const clock = createFakeClock()
    const open: Asked[] = []
    const server = await scriptedServer(
      polling(primed, (asked, nth) => {
        stream(asked.response, primed)
        if (nth === 0) asked.response.end(event(progress, 'e2'))
        else if (nth === 1) open.push(asked)
        else asked.response.end(event(resultFor(1)))
      }),
    )
    const reconnect = { maxAttempts: 1, healthyUptimeMs: 3_000 }
    const client = await introducedClient(server, { clock, reconnect })
    await client.transport.send(call)
    for (let nth = 1; nth <= 3; nth++) {
      await server.until(() => clock.pending === 1, 'it waits')
      await clock.advance(500)
      await server.until(() => resumed(server).length === nth, 'it was asked for')
      if (nth !== 2) continue
      await server.until(() => clock.pending === 1, 'the stream is open')
      await clock.advance(3_000)
      open[0]?.response.end()
    }
    expect(await client.answerTo(1)).toEqual(resultFor(1))
    expect(client.messages).toContainEqual(progress)
  })

  test('may be asked about for as long as the server moves on to another event each time', async () => {
    const clock = createFakeClock()
    const server = await scriptedServer(
      polling(primed, ({ response }, nth) => {
        if (nth < 10) stream(response, `id: p${nth}\ndata:\n\n`).end()
        else stream(response, event(resultFor(1))).end()
      }),
    )
    const client = await introducedClient(server, { clock, reconnect: { maxAttempts: 2 } })
    await client.transport.send(call)
    for (let nth = 1; nth <= 11; nth++) {
      await server.until(() => clock.pending === 1, 'it waits')
      await clock.advance(500)
      await server.until(() => resumed(server).length === nth, 'it was asked for')
    }
    expect(await client.answerTo(1)).toEqual(resultFor(1))
  })

  test('is answered with an error at once where the server cannot go on with it', async () => {
    const clock = createFakeClock()
    const server = await scriptedServer(polling(primed, ({ response }) => response.writeHead(400).end()))
    const client = await introducedClient(server, { clock })
    await client.transport.send(call)
    await server.until(() => clock.pending === 1, 'it waits')
    await clock.advance(500)
    expect(await client.answerTo(1)).toMatchObject({ error: { code: -31_006 } })
    expect(resumed(server)).toHaveLength(1)
  })

  test('is gone on with from an event whose id is not ASCII', async () => {
    const server = await scriptedServer(
      polling('id: é→1\nretry: 100\ndata:\n\n', ({ response }) =>
        stream(response, event(resultFor(1))).end(),
      ),
    )
    const client = await introducedClient(server)
    await client.transport.send(call)
    await client.answerTo(1)
    const [{ headers }] = resumed(server) as [Asked]
    expect(Buffer.from(String(headers['last-event-id']), 'latin1').toString()).toBe('é→1')
  })

  test('is not gone on with once it was cancelled', async () => {
    const clock = createFakeClock()
    const server = await scriptedServer(polling(primed, ({ response }) => response.writeHead(500).end()))
    const client = await introducedClient(server, { clock })
    await client.transport.send(call)
    await server.until(() => clock.pending === 1, 'it waits')
    await client.transport.send({
      jsonrpc: '2.0',
      method: 'notifications/cancelled',
      params: { requestId: 1 },
    })
    expect(clock.pending).toBe(0)
    expect(answered(client)).toBe(false)
  })

  test('is not gone on with once the transport was closed', async () => {
    const clock = createFakeClock()
    const server = await scriptedServer(polling(primed, () => {}))
    const client = await introducedClient(server, { clock })
    await client.transport.send(call)
    await server.until(() => clock.pending === 1, 'it waits')
    await client.transport.close()
    expect(clock.pending).toBe(0)
    expect(resumed(server)).toEqual([])
  })
})

describe('a request that names a token to go on from', () => {
  test('is not posted: its stream is asked for, and a response there is for it', async () => {
    const tokens: string[] = []
    const server = await scriptedServer(
      polling('', ({ response }) =>
        stream(response, event(progress, 'e8') + event(resultFor(77), 'e9')).end(),
      ),
    )
    const client = await introducedClient(server)
    await client.transport.send(call, {
      resumptionToken: 'e7',
      onresumptiontoken: (token) => tokens.push(token),
    })
    expect(await client.answerTo(1)).toEqual(resultFor(1))
    expect(resumed(server).map(({ headers }) => headers['last-event-id'])).toEqual(['e7'])
    expect(server.posted()).not.toContain('tools/call')
    expect(tokens).toEqual(['e8', 'e9'])
    expect(client.messages).toContainEqual(progress)
  })
})

describe('the stream for messages that belong to no request', () => {
  const gets =
    (answer: (asked: Asked, nth: number) => void): Script =>
    (asked, server) => {
      if (asked.method !== 'GET') return false
      answer(asked, server.of('GET').length - 1)
      return true
    }

  test.each([400, 404, 405, 406, 501])(
    'that is refused with %d is one event and no error',
    async (status) => {
      const states: StreamState[] = []
      const server = await scriptedServer(gets(({ response }) => response.writeHead(status).end()))
      const client = await introducedClient(server, { onStreamState: (state) => states.push(state) })
      await server.until(() => states.length === 2, 'it was refused')
      expect(states).toEqual(['connecting', 'unsupported'])
      await client.transport.send(call)
      await client.answerTo(1)
      expect(client.errors).toEqual([])
      expect(server.of('GET')).toHaveLength(1)
    },
  )

  test('is asked for again within the budget, and its loss is reported once', async () => {
    const clock = createFakeClock()
    const states: StreamState[] = []
    const server = await scriptedServer(
      gets(({ response }, nth) => {
        if (nth === 0) stream(response, 'retry: 500\nid: g1\ndata:\n\n').end()
        else response.writeHead(502).end()
      }),
    )
    const client = await introducedClient(server, {
      clock,
      reconnect: { maxAttempts: 2 },
      random: () => 0,
      onStreamState: (state) => states.push(state),
    })
    for (let nth = 2; nth <= 3; nth++) {
      await server.until(() => clock.pending === 1, 'it waits')
      await clock.advance(500)
      await server.until(() => server.of('GET').length === nth, 'it was asked for')
    }
    await server.until(() => states.includes('closed'), 'it was given up')
    expect(states).toEqual(['connecting', 'open', 'reconnecting', 'reconnecting', 'closed'])
    expect(client.errors).toMatchObject([{ code: 'RECONNECT_EXHAUSTED', details: { attempts: 2 } }])
    expect(server.of('GET').map(({ headers }) => headers['last-event-id'])).toEqual([undefined, 'g1', 'g1'])
    await client.transport.send(call)
    await client.answerTo(1)
    expect(client.transport.state).toBe('open')
  })

  describe('whose last event the server does not know any more', () => {
    const lastIds = (server: ScriptedServer) =>
      server.of('GET').map(({ headers }) => headers['last-event-id'])
    const refuses = ({ headers, response }: Asked): boolean => {
      if (headers['last-event-id'] !== undefined) response.writeHead(400).end()
      return headers['last-event-id'] !== undefined
    }

    test('is asked for once more without it, and that messages may be missing is reported', async () => {
      const states: StreamState[] = []
      const server = await scriptedServer(
        gets((asked, nth) => {
          if (refuses(asked)) return
          stream(asked.response, nth === 0 ? 'retry: 100\nid: g1\ndata:\n\n' : event(progress, 'g2'))
          if (nth === 0) asked.response.end()
        }),
      )
      const client = await introducedClient(server, { onStreamState: (state) => states.push(state) })
      await server.until(() => client.messages.length === 2, 'a message came on it')
      expect(client.messages.at(-1)).toEqual(progress)
      expect(lastIds(server)).toEqual([undefined, 'g1', undefined])
      expect(states).toEqual(['connecting', 'open', 'reconnecting', 'open'])
      expect(client.errors).toEqual([
        expect.objectContaining({
          code: 'REFUSED',
          details: { status: 400 },
          message: expect.stringContaining('may be missing'),
        }),
      ])
    })

    test('is given up where it is refused without it, too', async () => {
      const states: StreamState[] = []
      const server = await scriptedServer(
        gets(({ response }, nth) => {
          if (nth === 0) stream(response, 'retry: 100\nid: g1\ndata:\n\n').end()
          else response.writeHead(400).end()
        }),
      )
      await introducedClient(server, { onStreamState: (state) => states.push(state) })
      await server.until(() => states.includes('closed'), 'it was given up')
      expect(lastIds(server)).toEqual([undefined, 'g1', undefined])
    })

    test('is given up within the budget where that happens over and over', async () => {
      const states: StreamState[] = []
      const server = await scriptedServer(
        gets((asked) => {
          if (!refuses(asked)) stream(asked.response, 'id: g1\ndata:\n\n').end()
        }),
      )
      const options = { reconnect: { maxAttempts: 3 }, random: () => 0 }
      await introducedClient(server, { ...options, onStreamState: (state) => states.push(state) })
      await server.until(() => states.includes('closed'), 'it was given up')
      expect(lastIds(server)).toHaveLength(7)
    })
  })

  describe('that carries a message that is too long', () => {
    const long = event({ ...progress, params: { text: 'x'.repeat(5_000) } })
    const options = { maxMessageBytes: 4_096, random: () => 0.5, reconnect: { maxAttempts: 2 } }
    const tooLong = expect.objectContaining({ code: 'MESSAGE_TOO_LARGE' })

    test('begins anew behind it after a while, as long as others come', async () => {
      const clock = createFakeClock()
      const server = await scriptedServer(
        gets(({ response }) => stream(response, event(progress, 'g1') + long)),
      )
      const client = await introducedClient(server, { ...options, clock })
      for (let nth = 1; nth <= 4; nth++) {
        await server.until(() => client.errors.length === nth, 'it is reported')
        expect(server.of('GET')).toHaveLength(nth)
        await clock.advance(500)
        await server.until(() => server.of('GET').length === nth + 1, 'it is asked for again')
      }
      expect(client.errors.slice(0, 4)).toEqual(Array(4).fill(tooLong))
      expect(server.of('GET').at(-1)?.headers).not.toHaveProperty('last-event-id')
    })

    test('is given up within the budget where nothing else comes', async () => {
      const clock = createFakeClock()
      const states: StreamState[] = []
      const server = await scriptedServer(gets(({ response }) => stream(response, long)))
      const onStreamState = (state: StreamState): unknown => states.push(state)
      const client = await introducedClient(server, { ...options, clock, onStreamState })
      for (const delayMs of [500, 1_000]) {
        await server.until(() => states.at(-1) === 'reconnecting', 'it waits')
        await clock.advance(delayMs)
        await server.until(() => states.at(-1) !== 'connecting' && states.at(-1) !== 'open', 'it ended')
      }
      await server.until(() => states.includes('closed'), 'it was given up')
      expect(server.of('GET')).toHaveLength(3)
      const exhausted = expect.objectContaining({ code: 'RECONNECT_EXHAUSTED', cause: tooLong })
      expect(client.errors).toEqual([tooLong, tooLong, tooLong, exhausted])
    })
  })

  test('that turns out to be empty, time after time, is given up', async () => {
    const clock = createFakeClock()
    const states: StreamState[] = []
    const server = await scriptedServer(gets(({ response }) => stream(response).end()))
    await introducedClient(server, {
      clock,
      reconnect: { maxAttempts: 2 },
      random: () => 0.5,
      onStreamState: (state) => states.push(state),
    })
    for (const delayMs of [500, 1_000]) {
      await server.until(() => clock.pending === 1, 'it waits')
      await clock.advance(delayMs)
    }
    await server.until(() => states.includes('closed'), 'it was given up')
    expect(server.of('GET')).toHaveLength(3)
  })

  test('that somebody else still has, as a server that missed its end thinks, is asked for again', async () => {
    const states: StreamState[] = []
    const server = await scriptedServer(
      gets(({ response }, nth) => (nth === 0 ? response.writeHead(409).end() : stream(response))),
    )
    const options = { random: () => 0, onStreamState: (state: StreamState) => states.push(state) }
    const client = await introducedClient(server, options)
    await server.until(() => states.includes('open'), 'it was open')
    expect(client.errors).toEqual([])
  })

  test('is not asked for where standaloneStream is off', async () => {
    const server = await scriptedServer()
    const client = await introducedClient(server, { standaloneStream: false })
    await client.transport.send(call)
    await client.answerTo(1)
    expect(server.of('GET')).toEqual([])
  })
})
