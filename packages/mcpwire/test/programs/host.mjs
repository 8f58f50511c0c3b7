// Runs the command in its arguments with its own standard streams, writes its pid to standard error, and stays alive.
import { spawn } from 'node:child_process'

const [command, ...args] = process.argv.slice(2)
const child = spawn(command, args, { stdio: 'inherit' })
process.stderr.write(`bridge is ${child.pid}\n`)
setInterval(() => {}, 1_000)
