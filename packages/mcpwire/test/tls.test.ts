import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { endpoint } from '../src/index.js'
import { program, type Run, run } from './support/bin.js'
import { certificate, connect, folder, listening } from './support/listening.js'

const TCPS = 'tcps://127.0.0.1:0'

function certificateFlags({ certFile, keyFile }: { certFile: string; keyFile: string }): string[] {
  return ['--listen-cert', certFile, '--listen-key', keyFile]
}

function bridged(address = '', ...options: string[]): Run {
  return run([...program, 'bridge', address, ...options])
}

/** The only line that a bridge logs before it fails. */
async function failure({ exit, stderr }: Run): Promise<string> {
  expect(await exit).toBe(1)
  expect(stderr().match(/^mcpwire/gm)).toHaveLength(1)
  return stderr().trim()
}

describe('TLS from the command line', () => {
  test('connects only clients that accept the certificate', async () => {
    const server = certificate('server')
    const { addresses } = await listening([TCPS], certificateFlags(server))
    const [address] = addresses
    expect(address).toMatch(/^tcps:\/\/127\.0\.0\.1:[1-9]/)
    const { call, process, exit } = bridged(address, '--tls-ca', server.certFile)
    expect(await call('echo', { a: 1 })).toEqual({ a: 1 })
    process.stdin?.end()
    expect(await exit).toBe(0)

    expect(await failure(bridged(address))).toMatch(/CONNECT_FAILED: .*self-signed.* --tls-ca\b/)
    const misnamed = bridged(address, '--tls-ca', server.certFile, '--tls-server-name', 'other.example')
    expect(await failure(misnamed)).toMatch(/CONNECT_FAILED: .*other names than --tls-server-name\b/)
    const plain = address?.replace('tcps:', 'tcp:') ?? ''
    const unsecured = bridged(plain)
    unsecured.send({ jsonrpc: '2.0', id: 1, method: 'ping' })
    expect(await unsecured.responseTo(1)).toMatchObject({ error: { code: -31_002 } })
  })

  test('requires a client certificate with --listen-ca', async () => {
    const [server, ours, theirs] = ['server', 'ours', 'theirs'].map(certificate)
    if (!server || !ours || !theirs) throw new Error('unreachable')
    const { addresses, logged } = await listening(
      [TCPS],
      [...certificateFlags(server), '--listen-ca', ours.certFile],
    )
    const [address] = addresses
    const as = (own: { certFile: string; keyFile: string }): string[] => {
      return ['--tls-ca', server.certFile, '--tls-cert', own.certFile, '--tls-key', own.keyFile]
    }
    const { call } = bridged(address, ...as(ours))
    expect(await call('ping')).toEqual({})

    expect(await failure(bridged(address, '--tls-ca', server.certFile))).toMatch(
      /AUTH_REQUIRED: .* a client certificate is required/,
    )
    expect(await failure(bridged(address, ...as(theirs)))).toMatch(/AUTH_REQUIRED: .*certificate/)
    await vi.waitFor(() => expect(logged()).toHaveLength(2))
    expect(logged()[0]).toMatch(/^mcpwire bridge: REFUSED: tcps:.* a client certificate is required/)
    expect(logged()[1]).toMatch(/ --listen-ca\b/)
  })

  test('serves TLS beside plain TCP in one bridge, and needs a tcps: URL', async () => {
    const server = certificate('server')
    const { addresses } = await listening(['tcp://127.0.0.1:0', TCPS], certificateFlags(server))
    const [plain, secure] = addresses
    expect(await (await connect(plain)).request('ping')).toEqual({})
    const tls = { caFile: server.certFile }
    expect(await (await connect(secure, { tls })).request('ping')).toEqual({})
    await expect(endpoint(plain ?? '', { tls })).rejects.toMatchObject({ code: 'INVALID_OPTION' })
  })

  test('is part of the report of a probe', async () => {
    const server = certificate('server')
    const { addresses } = await listening([TCPS, `unix:${join(folder(), 's')}`], certificateFlags(server))
    const [secure = '', local = ''] = addresses
    const runs = [
      run([...program, 'probe', '--json', '--count', '3', '--tls-ca', server.certFile, secure]),
      run([...program, 'probe', '--json', '--count', '3', local]),
      run([...program, 'probe', '--json', secure]),
    ]
    expect(await Promise.all(runs.map(({ exit }) => exit))).toEqual([0, 0, 1])
    const reports = runs.map(({ stdout }) => JSON.parse(stdout()))
    expect(reports).toMatchObject([
      { healthy: true, address: secure, tools: { count: 2 }, roundTrips: { count: 3 } },
      { healthy: true, address: local },
      {
        healthy: false,
        error: {
          code: 'CONNECT_FAILED',
          option: '--tls-ca',
          message: expect.stringMatching(/self-signed.* --tls-ca\b/),
        },
      },
    ])
  })
})
