import { mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const folder = await mkdtemp(join(tmpdir(), 'certificates-'))

//#region development
import { developmentCertificate } from '@mcpwire/security/node'

const development = await developmentCertificate({ folder })
//#endregion

const { certFile = '', keyFile = '' } = development.files ?? {}

//#region certificates
import { serve } from '@mcpwire/core'
import { certificates } from '@mcpwire/security/node'
import { tcpServer } from '@mcpwire/tcp'
import { newServer } from '../support/new-server.js'

const source = certificates({
  certFile,
  keyFile,
  onError: (error) => console.log(error.message),
  onExpiring: ({ subject, expiresAt }) => console.log(subject, 'expires on', new Date(expiresAt)),
})
const listener = await serve(tcpServer({ port: 0, tls: { source } }), (connection) =>
  newServer().connect(connection),
)

//#endregion

import { tcpClient } from '@mcpwire/tcp'
import { Client } from '@modelcontextprotocol/client'

async function connected(ca: string): Promise<Client> {
  const client = new Client({ name: 'demo', version: '1.0.0' })
  await client.connect(tcpClient({ port: Number(new URL(listener.url).port), tls: { ca } }))
  return client
}

const before = await connected(development.client.ca)
const changed = new Promise<void>((resolve) => source.onChange(resolve))
const renewed = await developmentCertificate({ folder: join(folder, 'renewed') })
await rename(renewed.files?.keyFile ?? '', keyFile)
await rename(renewed.files?.certFile ?? '', certFile)
await changed
const after = await connected(renewed.client.ca)
console.log('before:', (await before.callTool({ name: 'greet' })).content)
console.log('after:', (await after.callTool({ name: 'greet' })).content)
await Promise.all([before.close(), after.close()])
await listener.close()
source[Symbol.dispose]()
await rm(folder, { recursive: true })
