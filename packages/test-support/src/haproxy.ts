import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished, vi } from 'vitest'
import { freePort } from './ports.js'
import { haproxyProgram } from './system-packages.js'

/**
 * Runs an HAProxy before a TCP port of this host until the end of the test. Returns its port, once it accepts connections.
 *
 * @param options the options of its line `server`, such as `send-proxy`
 */
export async function runHaproxy(port: number, options: string): Promise<number> {
  const own = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'mcpwire-haproxy-'))
  const config = join(folder, 'haproxy.cfg')
  writeFileSync(
    config,
    `defaults
  mode tcp
  timeout connect 10s
  timeout client 60s
  timeout server 60s
listen front
  bind 127.0.0.1:${own}
  server back 127.0.0.1:${port} ${options}
`,
  )
  const haproxy: ChildProcess = spawn(haproxyProgram.path, ['-db', '-q', '-f', config], { stdio: 'ignore' })
  onTestFinished(async () => {
    haproxy.kill()
    if (haproxy.exitCode === null && haproxy.signalCode === null) await once(haproxy, 'close')
    rmSync(folder, { recursive: true, force: true })
  })
  await vi.waitFor(
    async () => {
      if (haproxy.exitCode !== null) throw new Error(`HAProxy ended with ${haproxy.exitCode}`)
      const socket = connect(own, '127.0.0.1')
      try {
        await once(socket, 'connect')
      } finally {
        socket.destroy()
      }
    },
    { timeout: 20_000 },
  )
  return own
}
