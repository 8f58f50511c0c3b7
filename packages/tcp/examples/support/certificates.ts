import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createAuthority } from '@mcpwire/test-support/certificates'

/** The working directory of the example, with an authority and certificates of a server and of the client Ada. */
export const folder: string = await mkdtemp(join(tmpdir(), 'greeter-'))

const authority = createAuthority('Greeter authority')
const server = authority.issue({ name: 'greeter', names: ['localhost', '127.0.0.1'] })
const ada = authority.issue({ name: 'Ada' })
const files = {
  'ca.pem': authority.cert,
  'server.pem': server.cert,
  'server.key': server.key,
  'ada.pem': ada.cert,
  'ada.key': ada.key,
}
await Promise.all(Object.entries(files).map(([name, content]) => writeFile(join(folder, name), content)))
process.chdir(folder)
