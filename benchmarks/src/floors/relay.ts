// A minimal bridge: `relay.js <command> <args …>` parses every line of each side and writes it to the other side.
import { spawn } from 'node:child_process'
import { bestByteStream } from './byte-stream.js'

const [command = '', ...args] = process.argv.slice(2)
const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
const caller = bestByteStream(process.stdin, process.stdout)
const server = bestByteStream(child.stdout, child.stdin)
caller.onmessage = (message) => void server.send(message)
server.onmessage = (message) => void caller.send(message)
caller.onclose = () => void server.close()
server.onclose = () => void caller.close()
await Promise.all([caller.start(), server.start()])
