import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { endpoint } from '../src/index.js'
import { program, type Run, run } from './support/bin.js'
import { caller, certificate, folder, listening } from './support/listening.js'

vi.setConfig({ testTimeout: 20_000 })

const TCPS = 'tcps://127.0.0.1:0'

function shown({ certFile, keyFile }: { certFile: string; keyFile: string }): string[] {
  return ['--listen-cert', certFile, '--listen-key', keyFile]
}

function bridged(address = '', ...options: string[]): Run {
  return run([...program, 'bridge', address, ...options])
}

/** The one line that a bridge says before it fails. */
async function failure({ exit, stderr }: Run): Promise<string> {
  expect(await exit).toBe(1)
  expect(stderr().match(/^mcpwire/gm)).toHaveLength(1)
  return stderr().trim()
}

describe('TLS from the command line', () => {
  test('carries a conversation for those who accept the certificate, and nobody else', async () => {
    const server = certificate('server')
    const { addresses } = await listening([TCPS], shown(server))
    const [address] = addresses
    expect(address).toMatch(/^tcps:\/\/127\.0\.0\.1:[1-9]/)
    const { call, process, exit } = bridged(address, '--tls-ca', server.certFile)
    expect(await call('echo', { a: 1 })).toEqual({ a: 1 })
    process.stdin?.end()
    expect(await exit).toBe(0)

    expect(await failure(bridged(address))).toMatch(/CONNECT_FAILED: .*self-signed, and not one of --tls-ca$/)
    const misnamed = bridged(address, '--tls-ca', server.certFile, '--tls-server-name', 'other.example')
    expect(await failure(misnamed)).toMatch(/its certificate is for other names \(--tls-server-name\)$/)
    const plain = address?.replace('tcps:', 'tcp:') ?? ''
    const unsecured = bridged(plain)
    unsecured.send({ jsonrpc: '2.0', id: 1, method: 'ping' })
    expect(await unsecured.answer(1)).toMatchObject({ error: { code: -31_002 } })
  })

  test('asks callers for a certificate with --listen-ca', async () => {
    const [server, ours, theirs] = ['server', 'ours', 'theirs'].map(certificate)
    if (!server || !ours || !theirs) throw new Error('unreachable')
    const { addresses, said } = await listening([TCPS], [...shown(server), '--listen-ca', ours.certFile])
    const [address] = addresses
    const as = (own: { certFile: string; keyFile: string }): string[] => {
      return ['--tls-ca', server.certFile, '--tls-cert', own.certFile, '--tls-key', own.keyFile]
    }
    const { call } = bridged(address, ...as(ours))
    expect(await call('ping')).toEqual({})

    expect(await failure(bridged(address, '--tls-ca', server.certFile))).toMatch(
      /AUTH_REQUIRED: .* a client certificate is required$/,
    )
    expect(await failure(bridged(address, ...as(theirs)))).toMatch(/AUTH_REQUIRED: .* was not accepted: /)
    await vi.waitFor(() => expect(said()).toHaveLength(2))
    expect(said()[0]).toMatch(
      /^mcpwire bridge: REFUSED: tcps:\S+ was refused: a client certificate is required$/,
    )
    expect(said()[1]).toMatch(/not one of --listen-ca$/)
  })

  test('goes with plain wires in one bridge, and is for URLs of tcps: only', async () => {
    const server = certificate('server')
    const { addresses } = await listening(['tcp://127.0.0.1:0', TCPS], shown(server))
    const [plain, secure] = addresses
    expect(await (await caller(plain)).request('ping')).toEqual({})
    const tls = { caFile: server.certFile }
    expect(await (await caller(secure, { tls })).request('ping')).toEqual({})
    await expect(endpoint(plain ?? '', { tls })).rejects.toMatchObject({ code: 'INVALID_OPTION' })
  })

  test('a probe reports it', async () => {
    const server = certificate('server')
    const { addresses } = await listening([TCPS, `unix:${join(folder(), 's')}`], shown(server))
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
      { healthy: false, error: { code: 'CONNECT_FAILED', message: expect.stringMatching(/--tls-ca$/) } },
    ])
  })
})
