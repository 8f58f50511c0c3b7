import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { developmentCertificate } from '@mcpwire/security/node'

const folder = await mkdtemp(join(tmpdir(), 'mutual-tls-'))
const [own, agent, other] = await Promise.all(
  (['localhost', 'agent.test', 'other.test'] as const).map(async (name) => {
    const { files } = await developmentCertificate({ folder: join(folder, name), names: [name] })
    return files ?? { certFile: '', keyFile: '' }
  }),
)
if (!own || !agent || !other) throw new Error('unreachable')
const { certFile, keyFile } = own
const caFile = agent.certFile

//#region server
import { serve } from '@mcpwire/core'
import { mutualTls } from '@mcpwire/security'
import { tcpServer } from '@mcpwire/tcp'
import { newServer } from '../support/new-server.js'

const gate = mutualTls({ names: ['agent.test'] })
const listener = await serve(
  tcpServer({ port: 0, tls: { certFile, keyFile, caFile }, gate }),
  async (connection) => {
    console.log('connected:', connection.peer?.authInfo?.clientId)
    await newServer().connect(connection)
  },
)
//#endregion

listener.onrefused = ({ reason }) => console.log('refused:', reason)
const port = Number(new URL(listener.url).port)

//#region client
import { tcpClient } from '@mcpwire/tcp'
import { Client } from '@modelcontextprotocol/client'

const tls = { certFile: agent.certFile, keyFile: agent.keyFile, caFile: own.certFile }
const client = new Client({ name: 'agent', version: '1.0.0' })
await client.connect(tcpClient({ host: 'localhost', port, tls }))
//#endregion

console.log((await client.callTool({ name: 'greet' })).content)
await client.close()
for (const credential of [{}, { certFile: other.certFile, keyFile: other.keyFile }]) {
  const refused = tcpClient({ host: 'localhost', port, tls: { caFile: own.certFile, ...credential } })
  refused.onerror = ({ message }) => console.log('client:', message)
  await refused.start()
  await refused.closed
}
await listener.close()
await rm(folder, { recursive: true })
