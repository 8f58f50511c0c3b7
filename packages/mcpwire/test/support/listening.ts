import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type JsonRpcPeer, peer } from '@mcpwire/core'
import { expect, onTestFinished, vi } from 'vitest'
import { selfSigned } from '../../src/demo/certificate.js'
import { type EndpointOptions, endpoint } from '../../src/index.js'
import { program, type Run, run, serverCommand, type WhenFinished } from './bin.js'

/** A server without an SDK. */
const raw: readonly string[] = serverCommand('raw-server')

/** A `mcpwire bridge --listen` that runs, and where it listens. */
export interface Listening extends Run {
  readonly addresses: readonly string[]
  /** The lines it said after those that say where it listens. */
  readonly said: () => readonly string[]
}

/** Runs a bridge that listens at the URLs, and waits until it does. */
export async function listening(
  urls: readonly string[],
  options: readonly string[] = [],
  server: readonly string[] = raw,
  whenFinished: WhenFinished = onTestFinished,
): Promise<Listening> {
  const listen = urls.flatMap((url) => ['--listen', url])
  const running = run([...program, 'bridge', ...listen, ...options, '--', ...server], {}, whenFinished)
  const lines = (): string[] => running.stderr().split('\n').slice(0, -1)
  await vi.waitFor(() => expect(lines().filter((line) => isPlace(line))).toHaveLength(urls.length), {
    timeout: 10_000,
    interval: 10,
  })
  const addresses = lines().filter(isPlace)
  return {
    ...running,
    addresses: addresses.map((line) => line.replace(/^.* listening on /, '')),
    said: () => lines().filter((line) => !isPlace(line)),
  }
}

function isPlace(line: string): boolean {
  return line.startsWith('mcpwire bridge: listening on ')
}

/** A caller at that address, which has started. */
export async function caller(address = '', options: EndpointOptions = {}): Promise<JsonRpcPeer> {
  const client = peer(await endpoint(address, options))
  onTestFinished(() => client.close())
  await client.start()
  return client
}

/** The process of the server that answers there. */
export async function pidOf(client: JsonRpcPeer): Promise<number> {
  return (await client.request('facts'))['pid'] as number
}

/** A folder that is new, and goes with the test. */
export function folder(whenFinished: WhenFinished = onTestFinished): string {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'mcpwire-')))
  whenFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** Files with a certificate for 127.0.0.1 that only vouches for itself, and with its key. */
export function certificate(name: string): { certFile: string; keyFile: string } {
  const place = folder()
  const { cert, key } = selfSigned(name)
  const files = { certFile: join(place, 'cert.pem'), keyFile: join(place, 'key.pem') }
  writeFileSync(files.certFile, cert)
  writeFileSync(files.keyFile, key)
  return files
}
