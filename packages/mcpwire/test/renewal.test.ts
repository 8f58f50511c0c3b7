import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createAuthority } from '@mcpwire/test-support/certificates'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { endpoint } from '../src/index.js'
import { program, run, serverCommand } from './support/bin.js'
import { folder, listening } from './support/listening.js'

const HOUR_MS = 3_600_000
const authority = createAuthority('test authority')

interface Files {
  readonly certFile: string
  readonly keyFile: string
  readonly caFile: string
}

function written(name: string, validTo?: number): Files {
  const path = folder()
  const files = {
    certFile: join(path, 'cert.pem'),
    keyFile: join(path, 'key.pem'),
    caFile: join(path, 'ca.pem'),
  }
  write(files, name, validTo)
  writeFileSync(files.caFile, authority.cert)
  return files
}

/** Writes a certificate that ends with its authority. */
function write({ certFile, keyFile }: Files, name: string, validTo?: number): void {
  const { cert, key } = authority.issue({
    name,
    names: ['127.0.0.1'],
    ...(validTo !== undefined && { validTo }),
  })
  writeFileSync(keyFile, key)
  writeFileSync(certFile, cert + authority.cert)
}

function flags({ certFile, keyFile }: Files): string[] {
  return ['--listen-cert', certFile, '--listen-key', keyFile]
}

async function connected(address = '', caFile: string): Promise<Client> {
  const client = new Client({ name: 'test', version: '1.0.0' })
  onTestFinished(() => client.close())
  await client.connect(await endpoint(address, { tls: { caFile } }))
  return client
}

describe('the certificates of a bridge that listens', () => {
  test.each(['tcps://127.0.0.1:0', 'wss://127.0.0.1:0/mcp', 'https://127.0.0.1:0/mcp'])(
    'are renewed while clients are connected at %s',
    async (url) => {
      const files = written('first')
      const { addresses, logged } = await listening([url], flags(files), serverCommand('v1-server'))
      const before = await connected(addresses[0], files.caFile)
      expect(await before.ping()).toEqual({})
      write(files, 'second')
      await vi.waitFor(() => expect(logged()).toHaveLength(1))
      expect(logged()[0]).toBe(`mcpwire bridge: new certificates are in use (${files.certFile})`)
      expect(await before.ping()).toEqual({})
      expect(await (await connected(addresses[0], files.caFile)).ping()).toEqual({})
      rmSync(files.keyFile)
      await vi.waitFor(() => expect(logged()).toHaveLength(2))
      expect(logged()[1]).toMatch(
        /INVALID_OPTION: new certificates were rejected, and the ones in use stay in use: --listen-key must be/,
      )
      expect(await (await connected(addresses[0], files.caFile)).ping()).toEqual({})
    },
  )

  test('are logged once before they expire', async () => {
    const files = written('server', Date.now() + HOUR_MS)
    const urls = ['tcps://127.0.0.1:0', 'https://127.0.0.1:0/mcp']
    const { logged } = await listening(urls, [...flags(files), '--log-format', 'text'])
    await vi.waitFor(() => expect(logged()).toHaveLength(1))
    expect(logged()[0]).toMatch(/the certificate CN=server expires on 2\S+Z: renew it \(\S+cert\.pem\)$/)
  })

  test('must be valid at the start', async () => {
    const files = written('server', Date.now() - HOUR_MS)
    const { exit, stderr } = run([
      ...program,
      'bridge',
      '--listen',
      'tcps://127.0.0.1:0',
      ...flags(files),
      '--',
      'node',
    ])
    expect(await exit).toBe(2)
    expect(stderr()).toMatch(
      /--listen tcps:\/\/127\.0\.0\.1:0: --listen-cert has an expired certificate: CN=server expired on 2/,
    )
  })
})
