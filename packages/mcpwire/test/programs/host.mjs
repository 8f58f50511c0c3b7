// Starts what its arguments say with its own standard streams, tells its pid on standard error, and stays.
import { spawn } from 'node:child_process'

const [command, ...args] = process.argv.slice(2)
const child = spawn(command, args, { stdio: 'inherit' })
process.stderr.write(`bridge is ${child.pid}\n`)
setInterval(() => {}, 1_000)
