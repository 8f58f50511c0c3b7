// A host that runs one server and shows its standard error as its own: `host <command> <arg …>`.
import { stdioClient } from '../../src/index.js'

const [, command = '', ...args] = process.argv
const transport = stdioClient({ command, args })
await transport.start()
process.stdin.resume()
process.stdin.on('end', () => void transport.close())
