import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { temporaryFolder } from '@mcpwire/test-support/folders'
import { freePort } from '@mcpwire/test-support/ports'
import { missing, nginxProgram } from '@mcpwire/test-support/system-packages'
import { expect, onTestFinished, test } from 'vitest'
import { serveTeam } from '../guides/team.js'
import { quoted, siteOf } from '../support/behind-nginx.js'

const TIMEOUT_MS = 300_000
const KEY = '0123456789abcdef0123456789abcdef'
const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const SOURCE = ['--conditions=@mcpwire/source', '--import', 'tsx']

async function keyFile(): Promise<string> {
  const path = join(await temporaryFolder(), 'keys')
  writeFileSync(path, `ada ${KEY}\n`, { mode: 0o600 })
  return path
}

/** Runs the command of the guide. Resolves once it listens. */
async function runBridge(port: number, keys: string): Promise<() => string> {
  const line = quoted('team.sh')
    .replaceAll('\\\n', ' ')
    .replace('127.0.0.1:8080', `127.0.0.1:${port}`)
    .replace('/etc/mcp/keys', keys)
  const [command, ...args] = line.trim().split(/\s+/)
  expect([command, args.pop()]).toEqual(['mcpwire', 'my-server'])
  const server = [process.execPath, ...SOURCE, 'docs/examples/support/greet-on-stdio.ts']
  const bridge: ChildProcess = spawn(
    process.execPath,
    [...SOURCE, 'packages/mcpwire/src/bin.ts', ...args, ...server],
    {
      cwd: ROOT,
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  )
  onTestFinished(async () => {
    bridge.kill()
    if (bridge.exitCode === null && bridge.signalCode === null) await once(bridge, 'close')
  })
  let log = ''
  await new Promise<void>((resolve, reject) => {
    bridge.stderr?.on('data', (chunk) => {
      log += chunk
      if (log.includes('listening on')) resolve()
    })
    bridge.once('close', () => reject(new Error(log)))
  })
  return () => log
}

test.for(['the program', 'the command'])(
  '%s of the guide admits members with a key, behind nginx',
  {
    timeout: TIMEOUT_MS,
  },
  async (kind, { skip }) => {
    const why = missing(nginxProgram)
    if (why !== undefined) skip(why)
    const port = await freePort()
    const keys = await keyFile()
    if (kind === 'the program') {
      const listener = await serveTeam(port, keys)
      onTestFinished(() => listener.close())
    } else await runBridge(port, keys)
    const site = await siteOf('team.conf', port)
    expect(await site.toolNames({ authorization: `Bearer ${KEY}` })).toEqual(['greet'])
    const refused: Record<string, string>[] = [{ authorization: `Bearer ${KEY}0` }, {}]
    for (const headers of refused)
      await expect(site.toolNames(headers)).rejects.toMatchObject({ code: 'AUTH_REQUIRED' })
  },
)
