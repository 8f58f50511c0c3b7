import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const PROGRAM = fileURLToPath(new URL('programs/request-path.ts', import.meta.url))

// docs/architecture.md quotes this list.
const FILES = [
  'hosts/node/node-exchange.ts',
  'hosts/node/node-host.ts',
  'hosts/node/node-request.ts',
  'server/endpoint.ts',
  'server/request/message-body.ts',
  'server/request/periodic-check.ts',
  'server/request/read-post.ts',
  'server/request/session-registry.ts',
  'server/responses/post-response.ts',
  'server/router.ts',
  'server/sessions/open-requests.ts',
  'server/sessions/session.ts',
]

test('passes a tools/call POST of a session through at most 12 files', async () => {
  // A process of its own: Vitest compiles imported constants to calls, which would count as functions.
  const args = ['--conditions=@mcpwire/source', '--import', 'tsx', PROGRAM]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  expect(JSON.parse(stdout)).toEqual(FILES)
  expect(FILES.length).toBeLessThanOrEqual(12)
})
