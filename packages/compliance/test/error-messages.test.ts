import { expect, test } from 'vitest'
import { loopback, runTransportCases, startLeakCheck, tcpProxy, until, within } from '../src/index.js'

// The only test that pins the texts of this package. Update it with `vitest -u`.

async function messageOf(attempt: () => unknown): Promise<string> {
  try {
    await attempt()
    return 'nothing was thrown'
  } catch (error) {
    return (error as Error).message
  }
}

test('errors are plain sentences', async () => {
  const proxy = await tcpProxy({ to: { port: 1 } })
  const never = new Promise(() => {})
  const leaks = await startLeakCheck()
  const listener = (): void => {}
  process.on('beforeExit', listener)
  const messages = [
    await messageOf(() => until(() => false, 'both messages arrived', 1)),
    await messageOf(() => within(never, 'start() settled', 1)),
    await messageOf(() => leaks.released(1)),
    await messageOf(() => proxy.reset()),
  ]
  process.off('beforeExit', listener)
  await proxy.close()
  expect(messages).toMatchInlineSnapshot(`
    [
      "not within 1 ms: both messages arrived",
      "not within 1 ms: start() settled",
      "resources leaked: 1 × listener of process 'beforeExit' (1 ms after the end)",
      "the proxy has no connection",
    ]
  `)
})

test('a missing hook is a plain sentence', async () => {
  const outcomes = await runTransportCases({ pair: (options) => loopback.pair(options) })
  const [failure] = outcomes.flatMap((each) => (each.outcome === 'failed' ? [String(each.error)] : []))
  expect(failure).toMatchInlineSnapshot(
    `"Error: the subject has no 'unreachable': provide it, or name it in 'exempt' with the reason"`,
  )
})
