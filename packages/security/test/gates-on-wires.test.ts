import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { until } from '@mcpwire/compliance'
import { allOf, type Gate } from '@mcpwire/core'
import { temporaryFolder } from '@mcpwire/test-support/folders'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import { describe, expect, onTestFinished, test } from 'vitest'
import { anyOf, bearer, hostIn, mutualTls, originIn, remoteIn, TokenError } from '../src/index.js'
import { apiKey, apiKeyFile } from '../src/node/index.js'
import { type Credentials, certificates, type Wire, wires } from './support/wires.js'

const TIMEOUT_MS = 30_000
const TOKEN = 'token-of-ada-4f1c9b'
const KEY = 'key-of-ci-0123456789abcdef'
const PLANTED = 'planted-0123456789abcdef'

const tokens = (): Gate =>
  bearer({
    verify: (token) => {
      if (token !== TOKEN) throw new TokenError('invalid_token', 'the token is not known')
      return { authInfo: { token, clientId: 'ada', scopes: [] } }
    },
  })

const fileOfKeys = async (): Promise<Gate> => {
  const path = join(await temporaryFolder(), 'keys')
  await writeFile(path, `ci ${KEY}\n`, { mode: 0o600 })
  const gate = apiKeyFile(path)
  onTestFinished(() => gate[Symbol.dispose]())
  return gate
}

/** A gate with a caller to admit and one to refuse. */
interface Row {
  readonly title: string
  readonly gate: () => Gate | Promise<Gate>
  readonly admits: Credentials
  /** The name of the admitted caller. */
  readonly clientId?: string
  readonly refuses: Credentials
  readonly status: number
  readonly isSecure?: true
  /** A gate that refuses the caller where the credentials cannot differ. */
  readonly other?: () => Gate
  /** Wires on which the gate refuses every caller, with the status. */
  readonly never?: Partial<Record<Wire['name'], number>>
}

const rows: readonly Row[] = [
  {
    title: 'originIn',
    gate: () => originIn(['https://app.example']),
    admits: { headers: { origin: 'https://app.example' } },
    refuses: { headers: { origin: 'https://app.example.evil.example' } },
    status: 403,
  },
  {
    title: 'hostIn',
    gate: () => hostIn(['127.0.0.1']),
    admits: {},
    refuses: {},
    other: () => hostIn(['mcp.example']),
    status: 421,
    never: { tcp: 403, unix: 403 },
  },
  {
    title: 'remoteIn',
    gate: () => remoteIn(['127.0.0.0/8']),
    admits: {},
    refuses: {},
    other: () => remoteIn(['10.0.0.0/8']),
    status: 403,
    never: { unix: 403 },
  },
  {
    title: 'bearer',
    gate: tokens,
    admits: { headers: { authorization: `Bearer ${TOKEN}` } },
    clientId: 'ada',
    refuses: { headers: { authorization: `Bearer ${PLANTED}` } },
    status: 401,
  },
  {
    title: 'mutualTls by subject',
    gate: () => mutualTls({ subjects: ['CN=alice, O=Wonderland'] }),
    admits: { certificate: certificates.alice },
    clientId: 'CN=alice, O=Wonderland',
    refuses: { certificate: certificates.mallory },
    status: 403,
    isSecure: true,
    never: { unix: 401 },
  },
  {
    title: 'mutualTls by name',
    gate: () => mutualTls({ names: ['*.agents.test'] }),
    admits: { certificate: certificates.alice },
    clientId: 'alice.agents.test',
    refuses: {},
    status: 401,
    isSecure: true,
    never: { unix: 401 },
  },
  {
    title: 'apiKey',
    gate: () => apiKey({ ci: KEY }),
    admits: { headers: { 'x-api-key': KEY } },
    clientId: 'ci',
    refuses: { headers: { 'x-api-key': PLANTED } },
    status: 401,
  },
  {
    title: 'apiKey as a bearer token',
    gate: () => apiKey({ ci: KEY }, { acceptBearer: true }),
    admits: { headers: { authorization: `Bearer ${KEY}` } },
    clientId: 'ci',
    refuses: { headers: { authorization: `Bearer ${PLANTED}` } },
    status: 401,
  },
  {
    title: 'apiKeyFile',
    gate: fileOfKeys,
    admits: { headers: { 'x-api-key': KEY } },
    clientId: 'ci',
    refuses: { headers: { 'x-api-key': PLANTED } },
    status: 401,
  },
  {
    title: 'anyOf, by the first gate',
    gate: () => anyOf(tokens(), apiKey({ ci: KEY })),
    admits: { headers: { authorization: `Bearer ${TOKEN}`, 'x-api-key': KEY } },
    clientId: 'ada',
    refuses: { headers: { authorization: `Bearer ${PLANTED}`, 'x-api-key': PLANTED } },
    status: 401,
  },
  {
    title: 'anyOf, by the second gate',
    gate: () => anyOf(tokens(), apiKey({ ci: KEY })),
    admits: { headers: { 'x-api-key': KEY } },
    clientId: 'ci',
    refuses: {},
    status: 401,
  },
  {
    title: 'allOf of a cheap gate and an expensive one',
    gate: () => allOf(originIn(['https://app.example']), tokens()),
    admits: { headers: { authorization: `Bearer ${TOKEN}`, origin: 'https://app.example' } },
    clientId: 'ada',
    refuses: { headers: { authorization: `Bearer ${TOKEN}`, origin: 'https://evil.example' } },
    status: 403,
  },
]

async function nameAt(transport: Parameters<Client['connect']>[0]): Promise<string | undefined> {
  const client = new Client({ name: 'test', version: '1' })
  await client.connect(transport)
  return client.getServerVersion()?.name
}

describe.each(rows)('$title', ({ gate, admits, clientId, refuses, status, isSecure, other, never = {} }) => {
  test.each(wires.filter(({ name }) => never[name] === undefined))('admits over $name', async ({ serve }) => {
    const { client, refused, errors } = await serve(await gate(), {}, isSecure)
    expect(await nameAt(client(admits))).toBe(clientId ?? 'unidentified')
    expect([refused, errors]).toEqual([[], []])
  })

  test.each(wires)('refuses over $name', async ({ name, serve }) => {
    const { client, refused, connections } = await serve(other ? other() : await gate(), {}, isSecure)
    const error = await nameAt(client(refuses)).then(
      () => undefined,
      (each: Error) => each,
    )
    await until(() => refused.length > 0, 'the refusal is reported', TIMEOUT_MS)
    expect(refused[0]?.status).toBe(never[name] ?? status)
    expect(error).toBeInstanceOf(Error)
    expect(connections).toEqual([])
    expect(`${error?.message} ${JSON.stringify(refused)}`).not.toContain(PLANTED)
  })
})

const kinds = [
  {
    version: '1',
    nameFor: async (url: URL, { headers = {} }: Credentials) => {
      const client = new ClientV1({ name: 'test', version: '1' })
      // The types of this SDK do not allow for exactOptionalPropertyTypes.
      await client.connect(new TransportV1(url, { requestInit: { headers } }) as Transport)
      return client.getServerVersion()?.name
    },
  },
  {
    version: '2',
    nameFor: (url: URL, { headers = {} }: Credentials) =>
      nameAt(new StreamableHTTPClientTransport(url, { requestInit: { headers } })),
  },
]

describe.each(kinds)('the client of the official SDK, version $version, over HTTP', ({ nameFor }) => {
  test.each(rows.filter((row) => !row.isSecure && !row.other))(
    'is admitted or refused by $title',
    async ({ gate, admits, clientId, refuses, status }) => {
      const [http] = wires
      const { listener, refused } = await (http as Wire).serve(await gate())
      const url = new URL(listener.url)
      expect(await nameFor(url, admits)).toBe(clientId ?? 'unidentified')
      await expect(nameFor(url, refuses)).rejects.toThrow()
      expect(refused[0]?.status).toBe(status)
    },
  )
})
