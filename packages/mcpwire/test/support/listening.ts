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

/** A running `mcpwire bridge --listen`. */
export interface Listening extends Run {
  readonly addresses: readonly string[]
  /** The lines of its log without the addresses. */
  readonly logged: () => readonly string[]
}

/** Runs a bridge that listens at the URLs. Resolves once it listens. */
export async function listening(
  urls: readonly string[],
  options: readonly string[] = [],
  server: readonly string[] = raw,
  whenFinished: WhenFinished = onTestFinished,
  commandLine: readonly string[] = program,
): Promise<Listening> {
  const listen = urls.flatMap((url) => ['--listen', url])
  const running = run([...commandLine, 'bridge', ...listen, ...options, '--', ...server], {}, whenFinished)
  const lines = (): string[] => running.stderr().split('\n').slice(0, -1)
  await vi.waitFor(() => expect(lines().filter(isAddress)).toHaveLength(urls.length))
  const addresses = lines().filter(isAddress)
  return {
    ...running,
    addresses: addresses.map((line) => line.replace(/^.* listening on /, '')),
    logged: () => lines().filter((line) => !isAddress(line)),
  }
}

function isAddress(line: string): boolean {
  return line.startsWith('mcpwire bridge: listening on ')
}

/** Connects a client to that address. */
export async function connect(address = '', options: EndpointOptions = {}): Promise<JsonRpcPeer> {
  const client = peer(await endpoint(address, options))
  onTestFinished(() => client.close())
  await client.start()
  return client
}

/** The process id of the server behind a client. */
export async function pidOf(client: JsonRpcPeer): Promise<number> {
  return (await client.request('facts'))['pid'] as number
}

/** A new folder that is removed after the test. */
export function folder(whenFinished: WhenFinished = onTestFinished): string {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'mcpwire-')))
  whenFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** Files with a self-signed certificate for 127.0.0.1 and with its key. */
export function certificate(name: string): { certFile: string; keyFile: string } {
  const path = folder()
  const { cert, key } = selfSigned(name)
  const files = { certFile: join(path, 'cert.pem'), keyFile: join(path, 'key.pem') }
  writeFileSync(files.certFile, cert)
  writeFileSync(files.keyFile, key)
  return files
}
