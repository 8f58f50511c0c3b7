import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Transport } from '@mcpwire/core'
import { endpoint } from '../endpoint.js'
import { selfSigned } from './certificate.js'

/** A running bridge, and transports to the server behind it. */
export interface ListeningBridge {
  /** Creates a transport, by the scheme of the URL that the bridge listens on. */
  readonly transports: ReadonlyMap<string, () => Promise<Transport>>
  /** Stops the bridge. Rejects if its exit code is not 0. */
  close(): Promise<void>
}

/** Runs `mcpwire bridge --listen` with a URL of every scheme. Rejects if the bridge ends before it listens. */
export async function listeningBridge(
  program: readonly string[],
  server: readonly string[],
): Promise<ListeningBridge> {
  const folder = mkdtempSync(join(tmpdir(), 'mcpwire-demo-'))
  const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  const { cert, key } = selfSigned('mcpwire demo')
  writeFileSync(certFile, cert)
  writeFileSync(keyFile, key, { mode: 0o600 })
  // Windows uses names of pipes instead of files.
  const path = process.platform === 'win32' ? `mcpwire-demo-${process.pid}` : join(folder, 'socket')
  const urls = [
    'http://127.0.0.1:0/mcp',
    'ws://127.0.0.1:0/mcp',
    'tcp://127.0.0.1:0',
    'tcps://127.0.0.1:0',
    `unix:${path}`,
  ]
  const listen = urls.flatMap((url) => ['--listen', url])
  const tls = ['--listen-cert', certFile, '--listen-key', keyFile]
  const [command = '', ...args] = [...program, 'bridge', ...listen, ...tls, '--', ...server]

  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  const kill = (): void => void child.kill()
  process.once('exit', kill)
  const ended = once(child, 'close').then(([code, signal]) => {
    process.off('exit', kill)
    rmSync(folder, { recursive: true, force: true })
    return code ?? signal
  })
  const addresses = await loggedAddresses(child.stderr, urls.length)
  const dial = (address: string) => () =>
    endpoint(address, address.startsWith('tcps:') ? { tls: { caFile: certFile } } : {})
  return {
    transports: new Map(addresses.map((address) => [address.slice(0, address.indexOf(':')), dial(address)])),
    close: async () => {
      child.kill()
      const end = await ended
      if (end !== 0) throw new Error(`bridge failed: it ended with ${end}`)
    },
  }
}

/** The addresses that the bridge logs. Rejects with its last line if it ends before. */
function loggedAddresses(stderr: NodeJS.ReadableStream, count: number): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    const addresses: string[] = []
    let last = ''
    const lines = createInterface({ input: stderr })
    // Reads to the end: a full pipe would block the bridge.
    lines.on('line', (line) => {
      last = line
      const address = / listening on (\S+)$/.exec(line)?.[1]
      if (address !== undefined && addresses.push(address) === count) resolve(addresses)
    })
    lines.once('close', () => reject(new Error(`bridge failed: it does not listen: ${last}`)))
  })
}
