// Connects to every path in a directory in a loop until it reads a line; then prints the number of each outcome.
import { readdirSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'

const [, , folder = ''] = process.argv
const outcomes: Record<string, number> = {}
let isDone = false

function attempt(path: string): Promise<void> {
  return new Promise((resolve) => {
    const settle = (outcome: string): void => {
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
      socket.destroy()
      resolve()
    }
    const socket = connect({ path })
    socket.once('connect', () => settle('connected'))
    socket.once('error', ({ code }: NodeJS.ErrnoException) => settle(String(code)))
  })
}

process.stdin.once('data', () => {
  isDone = true
})
process.stdout.write('"ready"\n')
while (!isDone) {
  const found = readdirSync(folder).map((name) => join(folder, name))
  const paths = [join(folder, 'server'), ...found, ...found.map((path) => join(path, 's'))]
  await Promise.all(paths.map(attempt))
  await new Promise((resolve) => setImmediate(resolve))
}
process.stdout.write(`${JSON.stringify(outcomes)}\n`)
process.exit()
