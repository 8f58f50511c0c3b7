// Listens on a path when it reads `start`, prints the outcome, and closes when it reads `close`.
import { createInterface } from 'node:readline'
import { unixServer } from '../../src/index.js'

const [, , path = ''] = process.argv
const listener = unixServer({ path })
listener.onconnection = (connection) => {
  connection.onmessage = (message) => void connection.send(message)
  void connection.start()
}

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

print('ready')
for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'start') {
    await listener.start().then(
      () => print({ address: listener.address }),
      ({ code, message, details }) => print({ code, message, details }),
    )
  } else if (line === 'close') {
    await listener.close()
    print('closed')
  }
}
