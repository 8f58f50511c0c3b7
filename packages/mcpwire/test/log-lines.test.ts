import { memoryPair } from '@mcpwire/core'
import { fakeClock as createFakeClock } from '@mcpwire/test-support/fake-clock'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { monitorServer } from '../src/logging.js'
import { program, result, run, serverCommand } from './support/bin.js'
import { listening } from './support/listening.js'

vi.setConfig({ testTimeout: 60_000 })

const raw = serverCommand('raw-server')

describe('log lines', () => {
  const failing = ['sh', '-c', 'echo "server text" >&2; exec "$@"', 'sh', ...raw]

  test('have the time, the level, the wire and the caller', async () => {
    const bridge = await listening(['tcp://127.0.0.1:0'], [], failing)
    await result(['probe', '--count', '1', bridge.addresses[0] ?? ''])
    await vi.waitFor(() => {
      expect(bridge.rawStderr()).toMatch(/^\d{4}-\d\d-\d\dT\S+Z info mcpwire bridge: listening on tcp:/m)
      expect(bridge.rawStderr()).toMatch(
        /^\S+Z info mcpwire bridge #1 stdio tcp:\/\/127\.0\.0\.1:\d+ stderr: server text$/m,
      )
    })
  })

  test('are JSON objects with --log-format json', async () => {
    const options = ['--log-format', 'json', '--verbose']
    const bridge = run([...program, 'bridge', ...options, '--', ...failing])
    const response = bridge.responseTo(1)
    bridge.send({ jsonrpc: '2.0', id: 1, method: 'die' })
    await response
    await bridge.exit
    const lines = bridge.rawStderr().trim().split('\n')
    const entries = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
    for (const entry of entries) {
      expect(entry).toMatchObject({
        time: expect.stringMatching(/Z$/),
        name: 'mcpwire bridge',
        wire: 'stdio',
      })
    }
    expect(entries).toContainEqual(
      expect.objectContaining({ level: 'info', stream: 'stderr', message: 'server text' }),
    )
    expect(entries).toContainEqual(expect.objectContaining({ level: 'error', code: 'PROCESS_EXITED' }))
    expect(entries.filter(({ code }) => code === 'PROCESS_EXITED')).toHaveLength(1)
    expect(entries.map(({ level }) => level)).toContain('debug')
  })

  test('report a server once that is restarted after server/discover and exits again', async () => {
    const bridge = run([...program, 'bridge', '--', 'sh', '-c', 'read -r line; echo "no config" >&2; exit 3'])
    const response = bridge.responseTo(2)
    bridge.send({ jsonrpc: '2.0', id: 1, method: 'server/discover' })
    bridge.send({ jsonrpc: '2.0', id: 2, method: 'initialize' })
    await response
    expect(await bridge.exit).toBe(1)
    expect(bridge.stderr().match(/PROCESS_EXITED/g)).toHaveLength(1)
  })

  test('below --log-level are not written', async () => {
    const bridge = run([
      ...program,
      'bridge',
      '--log-level',
      'error',
      '--',
      ...serverCommand('raw-server', 'noisy'),
    ])
    await bridge.call('ping')
    bridge.process.stdin?.end()
    expect(await bridge.exit).toBe(0)
    expect(bridge.rawStderr()).toBe('')
  })

  test.each([
    ['--log-level', 'loud'],
    ['--log-format', 'xml'],
  ])('refuse %s %s', async (option, value) => {
    const { code, text } = await result(['bridge', option, value, '--', 'node'])
    expect({ code, text }).toMatchObject({ code: 2, text: expect.stringContaining(option) })
  })
})

test('a server that leaves its first request without a response is reported after 10 seconds', async () => {
  const clock = createFakeClock()
  const [near, far] = memoryPair()
  await far.start()
  const written = vi.spyOn(process.stderr, 'write').mockImplementation(() => true)
  onTestFinished(() => written.mockRestore())
  const source = { name: 'mcpwire bridge', wire: 'memory' }
  const { transport } = monitorServer(near, { source, report: () => {}, clock })
  await transport.start()
  await clock.advance(60_000)
  await transport.send({ jsonrpc: '2.0', id: 1, method: 'ping' })
  await clock.advance(9_999)
  expect(written).not.toHaveBeenCalled()
  await clock.advance(1)
  expect(written.mock.calls.join()).toContain('has not responded for 10 s')
  await transport.close()
  expect(clock.pending).toBe(0)
})
