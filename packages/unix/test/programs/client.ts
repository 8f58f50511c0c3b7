// Connects to a path, and prints the address or the error.
import { unixClient } from '../../src/index.js'

const [, , path = ''] = process.argv
const client = unixClient({ path })
const outcome = await client.start().then(
  () => ({ address: client.peer?.address }),
  ({ code, message, details }) => ({ code, message, details }),
)
process.stdout.write(`${JSON.stringify(outcome)}\n`)
await client.close()
