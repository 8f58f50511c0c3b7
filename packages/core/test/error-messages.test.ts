import { fakeClock, settled } from '@mcpwire/test-support/fake-clock'
import { expect, test } from 'vitest'
import {
  callbackFailed,
  createListener,
  createTransport,
  fromTransport,
  inRange,
  integer,
  invalidOption,
  notWritable,
  oneOf,
  overloaded,
  parseMessage,
  refusalError,
  rejectOption,
  text,
  tooLargeToAccept,
  tooLargeToSend,
} from '../src/authoring.js'
import {
  allOf,
  type Gate,
  memoryClient,
  memoryListener,
  memoryPair,
  peer,
  pipe,
  serve,
  tap,
} from '../src/index.js'
import { closedByPeer, closedError, closedWhileStarting } from '../src/transport/transport-errors.js'
import { acceptor } from './support/acceptors.js'
import { handmade } from './support/channels.js'

async function messageOf(call: () => unknown): Promise<string> {
  try {
    await call()
  } catch (error) {
    return (error as Error).message
  }
  return 'no error'
}

/** The message of each call, by name. */
async function messagesOf(calls: Readonly<Record<string, () => unknown>>): Promise<Record<string, string>> {
  const entries = Object.entries(calls).map(async ([name, call]) => [name, await messageOf(call)] as const)
  return Object.fromEntries(await Promise.all(entries))
}

function thrown(error: Error): () => never {
  return () => {
    throw error
  }
}

test('option errors name the option, the requirement and the value', async () => {
  expect(
    await messagesOf({
      noObject: () => memoryPair(7 as never),
      unknown: () => memoryPair({ colour: 1 } as never),
      similar: () => memoryPair({ maxMessageByte: 1 } as never),
      function: () => tap({ onSend: 1 as never }),
      layers: () => memoryListener({ layers: 'a' as never }),
      gate: () => memoryListener({ gate: {} as Gate }),
      gateBeyondHost: () => createListener(acceptor({ bindsBeyondThisHost: true })).start(),
      noGate: () => allOf(),
      listener: () => memoryClient({ listener: {} as never }),
      serveSource: () => serve(7 as never, () => {}),
      serveAccept: () => serve(memoryListener(), 7 as never),
      invalid: () => invalidOption('port', -1, 'a port'),
      secret: () => rejectOption('token', 'a string'),
      range: () => inRange(1, 10).check('port', 0),
      noUpperLimit: () => inRange(1, Infinity).check('port', 0),
      integer: () => integer(1, 10).check('port', 1.5),
      oneOf: () => oneOf(['a', 'b']).check('mode', 'c'),
      text: () => text().check('host', ''),
    }),
  ).toMatchInlineSnapshot(`
    {
      "function": "option "onSend" must be a function",
      "gate": "option "gate" must be an object with a method admit(), such as localOnly(); received an object",
      "gateBeyondHost": "option "gate" must be a Gate that checks each caller, because callers on other hosts can connect (allowAll() admits every client); or listen on 127.0.0.1; received undefined",
      "integer": "option "port" must be a whole number; received 1.5",
      "invalid": "option "port" must be a port; received -1",
      "layers": "option "layers" must be an array; received "a"",
      "listener": "option "listener" must be a listener made by memoryListener(); received an object",
      "noGate": "allOf() requires at least one gate",
      "noObject": "the options must be an object; received a number",
      "noUpperLimit": "option "port" must be a number of at least 1; received 0",
      "oneOf": "option "mode" must be one of "a", "b"; received "c"",
      "range": "option "port" must be a number from 1 to 10; received 0",
      "secret": "option "token" must be a string",
      "serveAccept": "option "accept" must be a function, such as (connection) => newServer().connect(connection); received 7",
      "serveSource": "option "source" must be a listener or a transport; received 7",
      "similar": "option "maxMessageByte" is not known; did you mean "maxMessageBytes"?",
      "text": "option "host" must be a string that is not empty; received """,
      "unknown": "option "colour" is not known; known: closeTimeoutMs, clock, maxMessageBytes, maxQueuedBytes",
    }
  `)
})

test('transport errors state the failure and its cause', async () => {
  const [started] = memoryPair()
  const first = started.start()
  const [closed] = memoryPair()
  await closed.close()
  const once = fromTransport(memoryPair()[0])
  const { signal } = new AbortController()
  const connect = () => once.connect({ message: () => {}, error: () => {}, end: () => {} }, signal)
  const hanging = createTransport(handmade({ connect: () => new Promise(() => {}) }))
  void hanging.start().catch(() => {})

  expect(
    await messagesOf({
      alreadyStarted: () => started.start(),
      closed: () => closed.start(),
      closedWithReason: thrown(closedError(new Error('reset'))),
      notStarted: () => memoryPair()[0].send({ jsonrpc: '2.0', method: 'a' }),
      starting: () => hanging.send({ jsonrpc: '2.0', method: 'a' }),
      noMessage: () => first.then(() => started.send(7 as never)),
      noJson: () => first.then(() => started.send({ jsonrpc: '2.0', method: 'a', params: { n: 1n } })),
      connectsOnce: () => connect().then(connect),
      pipeStarted: () => pipe(started, memoryPair()[0]),
      closedByPeer: thrown(closedByPeer(undefined, undefined)),
      closedWhileStarting: thrown(closedWhileStarting()),
      callback: thrown(callbackFailed('onmessage', new Error('a bug'))),
      tooLargeToSend: thrown(tooLargeToSend(20, 10)),
      tooLargeToAccept: thrown(tooLargeToAccept(20, 10, 'tcp://peer')),
      overloaded: thrown(overloaded('tcp://peer', 20, 10)),
      notWritable: thrown(notWritable('tcp://peer')),
      notWritableWithCause: thrown(notWritable('tcp://peer', new Error('reset'))),
    }),
  ).toMatchInlineSnapshot(`
    {
      "alreadyStarted": "this transport was started before",
      "callback": "onmessage failed: a bug",
      "closed": "the transport is closed",
      "closedByPeer": "the peer closed the connection while it was being opened",
      "closedWhileStarting": "the transport closed during start()",
      "closedWithReason": "the transport is closed: reset",
      "connectsOnce": "this transport connects only once: use fromFactory(() => …) to connect again",
      "noJson": "the message cannot be serialized to JSON",
      "noMessage": "a message must be an object; received a number",
      "notStarted": "send() was called before start() had succeeded (state idle)",
      "notWritable": "cannot send to tcp://peer: the connection is closing",
      "notWritableWithCause": "cannot send to tcp://peer: reset",
      "overloaded": "send queue for tcp://peer is full: 20 bytes exceed maxQueuedBytes (10)",
      "pipeStarted": "option "a" must be a transport that is not started; received an object",
      "starting": "send() was called before start() had succeeded (state starting)",
      "tooLargeToAccept": "tcp://peer sent a message longer than maxMessageBytes (10); raise it to accept more",
      "tooLargeToSend": "cannot send a message of 20 bytes: the limit is maxMessageBytes (10)",
    }
  `)
  await hanging.close()
})

test('listener errors state the failure and the limit', async () => {
  const clock = fakeClock()
  const errors: Error[] = []
  const listener = memoryListener({ clock, maxConnections: 1, startTimeoutMs: 100 })
  listener.onerror = (error) => errors.push(error)
  const unserved = memoryListener()
  await Promise.all([listener.start(), unserved.start()])
  const url = await messageOf(() => memoryListener().url)
  const noHandler = await messageOf(() => memoryClient({ listener: unserved }).start())
  listener.onconnection = () => {}
  const first = messageOf(() => memoryClient({ listener }).start())
  await settled()
  const full = await messageOf(() => memoryClient({ listener }).start())
  await clock.advance(100)
  const notStarted = await first
  await listener.close()

  const messages = await messagesOf({
    asTransport: () => (listener as unknown as { send(): Promise<void> }).send(),
    closed: () => listener.start(),
    notListening: () => memoryClient({ listener }).start(),
    refused: thrown(refusalError('tcp://server', { status: 401, reason: 'a token is required' })),
  })
  const reported = errors.map(({ message }) => message)
  expect({ url, noHandler, full, notStarted, ...messages, reported }).toMatchInlineSnapshot(`
    {
      "asTransport": "a listener is no transport; use serve(listener, accept), where accept connects a server to each connection",
      "closed": "the listener is closed",
      "full": "memory:2 refused the connection (503): the server has reached its limit of connections",
      "noHandler": "memory:3 refused the connection (503): the server has no connection handler",
      "notListening": "connection refused: nothing listens on memory:2",
      "notStarted": "memory:2 refused the connection (503): the server did not start the connection",
      "refused": "tcp://server refused the connection (401): a token is required",
      "reported": [
        "no server was connected to a new connection within startTimeoutMs (100 ms); in onconnection, call connect(connection) of your MCP server",
      ],
      "url": "the listener has no url before start() has succeeded",
    }
  `)
})

test('peer errors state the method or the id', async () => {
  const clock = fakeClock()
  const [near, far] = memoryPair({ clock })
  const errors: Error[] = []
  const client = peer(near, { clock, onError: (error) => errors.push(error) })
  const server = peer(far, { requests: { hang: () => new Promise(() => {}) } })
  await Promise.all([client.start(), server.start()])
  const timeout = messageOf(() => client.request('hang', {}, { timeoutMs: 10 }))
  await clock.advance(10)
  await far.send({ jsonrpc: '2.0', id: 'unknown', result: {} })
  await settled()

  expect({ timeout: await timeout, reported: errors.map(({ message }) => message) }).toMatchInlineSnapshot(`
    {
      "reported": [
        "response without a request: id "unknown"",
      ],
      "timeout": "no response to hang within 10 ms",
    }
  `)
})

test('malformed messages have a reason', () => {
  const values = {
    text: 'a',
    batch: [],
    version: {},
    id: { jsonrpc: '2.0', id: 1.5, method: 'a' },
    params: { jsonrpc: '2.0', method: 'a', params: [] },
    both: { jsonrpc: '2.0', id: 1, method: 'a', result: {} },
    neither: { jsonrpc: '2.0' },
    result: { jsonrpc: '2.0', id: 1, result: 1 },
    errorCode: { jsonrpc: '2.0', id: 1, error: {} },
    errorMessage: { jsonrpc: '2.0', id: 1, error: { code: 1 } },
  }
  const reasons = Object.entries(values).map(([name, value]) => [name, parseMessage(value)])

  expect(Object.fromEntries(reasons)).toMatchInlineSnapshot(`
    {
      "batch": "a batch, but batches were not negotiated",
      "both": "both a request and a response",
      "errorCode": "its error has no integer code",
      "errorMessage": "its error has no message",
      "id": "its id is neither a string nor an integer of at most 2^53-1",
      "neither": "neither a method nor an id",
      "params": "its params are not an object",
      "result": "its result is not an object",
      "text": "not a JSON object",
      "version": "no "jsonrpc": "2.0"",
    }
  `)
})
