import { expect, test } from 'vitest'
import { program, run } from './support/bin.js'

const steps = ['connect', 'list tools', 'call echo', 'long call with progress', 'cancel a long call', 'close']

const names = ['direct', 'bridged', 'http', 'ws', 'tcp', 'tcps', 'unix']
const routes = ['v2', 'v1'].flatMap((client) => names.map((name) => `${client} ${name}`))

/** The cells of the rows of routes. */
function rowsOf(table: string): string[][] {
  const lines = table.split('\n').filter((line) => /^│ v/.test(line))
  return lines.map((line) =>
    line
      .split('│')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}

// Concurrent: each test mostly waits.
test.concurrent('drives a real server with both clients on every route and prints the times', async ({
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

test.concurrent('exits with code 1 and names the step for a wrong response', async ({
  expect,
  onTestFinished,
}) => {
  const wrong = new URL('./programs/wrong-everything.json', import.meta.url).href
  const hooks = `export function resolve(specifier, context, next) {
    if (!specifier.includes('server-everything')) return next(specifier, context)
    return { url: ${JSON.stringify(wrong)}, shortCircuit: true }
  }`
  const { stdout, stderr, exit } = run([...hooked(hooks), 'demo'], {}, onTestFinished)
  expect(await exit).toBe(1)
  const rows = rowsOf(stdout())
  const wrongSteps = ['call echo', 'cancel a long call']
  const cells = steps.map((step) => {
    return wrongSteps.includes(step) ? 'failed' : expect.stringMatching(/^\d+\.\d ms$/)
  })
  expect(rows).toEqual(routes.map((route) => [route, ...cells]))
  const failures = routes.flatMap((route) =>
    wrongSteps.map((step) => {
      return `mcpwire demo: ${route}, ${step}: wrong echo: "Echo: wrong" instead of "Echo: hello"\n`
    }),
  )
  expect(stderr()).toBe(failures.join(''))
})

test('lists the packages to install if they are missing', async () => {
  // Simulates an installation without them: no package of that scope is found.
  const hooks = `export function resolve(specifier, context, next) {
    if (specifier.startsWith('@modelcontextprotocol/')) throw new Error('not found')
    return next(specifier, context)
  }`
  const { stderr, exit } = run([...hooked(hooks), 'demo'])
  expect(await exit).toBe(1)
  const names = ['client', 'sdk', 'server-everything'].map((name) => `@modelcontextprotocol/${name}`)
  expect(stderr()).toBe(
    `mcpwire demo: not installed: ${names.join(', ')}\nmcpwire demo: npm install mcpwire ${names.join(' ')}\n`,
  )
})

/** The command line of this program with hooks that resolve modules. */
function hooked(hooks: string): string[] {
  const register = `import { register } from 'node:module'; register(${JSON.stringify(dataUrl(hooks))})`
  const [node = '', ...rest] = program
  // Node 26 warns of register() on standard error, which these tests compare.
  return [node, '--disable-warning=DEP0205', '--import', dataUrl(register), ...rest]
}

function dataUrl(code: string): string {
  return `data:text/javascript,${encodeURIComponent(code)}`
}
