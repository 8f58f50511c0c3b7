import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createAuthority } from '@mcpwire/test-support/certificates'

/** The working directory of the example, with an authority and certificates of a server and of an agent. */
export const folder: string = await mkdtemp(join(tmpdir(), 'security-'))

const authority = createAuthority('Example authority')
const server = authority.issue({ name: 'server', names: ['localhost', '127.0.0.1'] })
const agent = authority.issue({ name: 'agent', names: ['indexer.agents.example'] })
const files = {
  'ca.pem': authority.cert,
  'server.pem': server.cert,
  'server.key': server.key,
  'agent.pem': agent.cert,
  'agent.key': agent.key,
}
await Promise.all(Object.entries(files).map(([name, content]) => writeFile(join(folder, name), content)))
process.chdir(folder)
