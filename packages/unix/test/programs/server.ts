// Listens on a path when told to `start`, says what came of it, and closes when told to `close`.
import { createInterface } from 'node:readline'
import { unixServer } from '../../src/index.js'

const [, , path = ''] = process.argv
const listener = unixServer({ path })
listener.onconnection = (connection) => {
  connection.onmessage = (message) => void connection.send(message)
  void connection.start()
}

function say(what: unknown): void {
  process.stdout.write(`${JSON.stringify(what)}\n`)
}

say('ready')
for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'start') {
    await listener.start().then(
      () => say({ address: listener.address }),
      ({ code, message }) => say({ code, message }),
    )
  } else if (line === 'close') {
    await listener.close()
    say('closed')
  }
}
