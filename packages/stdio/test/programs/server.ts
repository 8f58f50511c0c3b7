// A server over stdioServer. It reports on standard error: `server <options>`.
import { Console } from 'node:console'
import { isRequest, type JsonRpcMessage, type RequestId } from '@mcpwire/core'
import { guardStdout, stdioServer } from '../../src/index.js'

guardStdout()
const server = stdioServer(JSON.parse(process.argv[2] ?? '{}'))
const report = (text: string): void => void process.stderr.write(`${text}\n`)
const facts = { closes: 0, unsettled: 0, uncaught: 0 }

process.on('unhandledRejection', () => facts.uncaught++)
process.on('uncaughtException', () => facts.uncaught++)
process.on('exit', (code) => report(`exit ${JSON.stringify({ code, ...facts })}`))
// Keeps the process alive.
setInterval(() => {}, 60_000)

function send(message: JsonRpcMessage): Promise<string> {
  facts.unsettled++
  return server
    .send(message)
    .then(
      () => 'sent',
      (error) => String(error.code),
    )
    .finally(() => facts.unsettled--)
}

function respond(id: RequestId, result = {}): Promise<string> {
  return send({ jsonrpc: '2.0', id, result })
}

/** Sends until the queue is full, then closes. */
async function pump(): Promise<void> {
  const text = 'x'.repeat(8_192)
  const outcomes: Promise<string>[] = []
  let isFull = false
  while (!isFull) {
    const sent = send({ jsonrpc: '2.0', method: 'note', params: { text } })
    void sent.then((code) => {
      isFull ||= code === 'OVERLOADED'
    })
    outcomes.push(sent)
    await new Promise((resolve) => setImmediate(resolve))
  }
  await server.close()
  const codes = [...new Set(await Promise.all(outcomes))].sort()
  report(`pumped ${JSON.stringify({ codes })}`)
}

function writeStray(): void {
  console.log('from console.log')
  process.stdout.write('from a raw write\n')
  new Console(process.stdout).log('from a console of its own')
}

server.onmessage = (message) => {
  if (!isRequest(message)) return
  const { id, method, params } = message
  if (method === 'echo') void respond(id, params)
  else if (method === 'slow') setTimeout(() => void respond(id), Number(params?.['ms']))
  else if (method === 'pump') void pump()
  else if (method === 'stray') {
    writeStray()
    void respond(id)
  } else if (method === 'exit') process.exit(Number(params?.['code']))
}
server.onclose = () => {
  facts.closes++
}
void server.closed.then((reason) =>
  report(`reason ${(reason as { code?: string } | undefined)?.code ?? 'none'}`),
)
await server.start()
report('started')
