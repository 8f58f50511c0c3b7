import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { program, run } from './support/bin.js'
import { PROGRAMS } from './support/programs.js'

vi.setConfig({ testTimeout: 40_000 })

const steps = ['connect', 'list tools', 'call echo', 'long call with progress', 'cancel a long call', 'close']

const wires = ['direct', 'bridged', 'http', 'ws', 'tcp', 'tcps', 'unix']
const routes = ['v2', 'v1'].flatMap((client) => wires.map((wire) => `${client} ${wire}`))

/** The cells of the rows that tell of a route. */
function rowsOf(table: string): string[][] {
  const lines = table.split('\n').filter((line) => /^│ v/.test(line))
  return lines.map((line) =>
    line
      .split('│')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}

// At the same time: each waits for most of its own.
test.concurrent('drives a real server with both clients on every route, and prints the times', async ({
  expect,
  onTestFinished,
}) => {
  const { stdout, stderr, exit } = run([...program, 'demo'], {}, onTestFinished)
  expect(await exit, stderr()).toBe(0)
  const rows = rowsOf(stdout())
  expect(rows.map(([route]) => route)).toEqual(routes)
  for (const [, ...times] of rows)
    expect(times).toEqual(steps.map(() => expect.stringMatching(/^\d+\.\d ms$/)))
  for (const line of stdout().split('\n')) expect(line.length).toBeLessThanOrEqual(100)
  expect(stderr()).toBe('')
})

test.concurrent('a wrong answer fails it, and is named', async ({ expect, onTestFinished }) => {
  const planted = join(PROGRAMS, 'planted-demo.mjs')
  const { stdout, stderr, exit } = run([process.execPath, planted, ...program], {}, onTestFinished)
  expect(await exit).toBe(1)
  const rows = rowsOf(stdout())
  expect(rows.map((cells) => cells[steps.indexOf('call echo') + 1])).toEqual(routes.map(() => 'failed'))
  for (const route of routes)
    expect(stderr()).toContain(
      `mcpwire demo: ${route}, call echo: wrong echo: "Echo: hello" instead of "Echo: goodbye"`,
    )
})

test('without the packages it drives, it says which to install', async () => {
  // Stands in for an installation without them: nothing of that scope is found.
  const hooks = `export function resolve(specifier, context, next) {
    if (specifier.startsWith('@modelcontextprotocol/')) throw new Error('not found')
    return next(specifier, context)
  }`
  const register = `import { register } from 'node:module'; register(${JSON.stringify(dataUrl(hooks))})`
  const [node = '', ...rest] = program
  const { stderr, exit } = run([node, '--import', dataUrl(register), ...rest, 'demo'])
  expect(await exit).toBe(1)
  const names = ['client', 'sdk', 'server-everything'].map((name) => `@modelcontextprotocol/${name}`)
  expect(stderr()).toBe(
    `mcpwire demo: not installed: ${names.join(', ')}\nmcpwire demo: npm install ${names.join(' ')}\n`,
  )
})

function dataUrl(code: string): string {
  return `data:text/javascript,${encodeURIComponent(code)}`
}
