// Connects to a path, and says what came of it.
import { unixClient } from '../../src/index.js'

const [, , path = ''] = process.argv
const client = unixClient({ path })
const outcome = await client.start().then(
  () => ({ address: client.peer?.address }),
  ({ code, message }) => ({ code, message }),
)
process.stdout.write(`${JSON.stringify(outcome)}\n`)
await client.close()
