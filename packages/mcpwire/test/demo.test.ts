import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { program, run } from './support/bin.js'
import { PROGRAMS } from './support/programs.js'

vi.setConfig({ testTimeout: 40_000 })

const steps = ['connect', 'list tools', 'call echo', 'long call with progress', 'cancel a long call', 'close']

test('the demonstration drives a real server with both clients on both routes, and prints the times', async () => {
  const { stdout, stderr, exit } = run([...program, 'demo'])
  expect(await exit, stderr()).toBe(0)
  const rows = stdout()
    .split('\n')
    .filter((line) => /^│ [a-z]/.test(line))
  expect(rows.map((row) => row.split('│')[1]?.trim())).toEqual(steps)
  for (const row of rows) expect(row.match(/\d+\.\d ms/g)).toHaveLength(4)
  expect(stderr()).toBe('')
})

test('a wrong answer fails it, and is named', async () => {
  const planted = join(PROGRAMS, 'planted-demo.mjs')
  const { stdout, stderr, exit } = run([process.execPath, planted, ...program])
  expect(await exit).toBe(1)
  expect(stdout()).toMatch(/call echo +│ failed +│ failed +│ failed +│ failed/)
  expect(stderr()).toContain(
    'mcpwire demo: v1 bridged, call echo: wrong echo: "Echo: hello" instead of "Echo: goodbye"',
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
