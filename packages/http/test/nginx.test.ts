import { missing, nginxProgram } from '@mcpwire/test-support/system-packages'
import { expect, test } from 'vitest'
import { idleBehindNginx } from './support/behind-nginx.js'

const TIMEOUT_MS = 300_000
const IDLE_CUT_SECONDS = 2
const KEEP_ALIVE_MS = 400

test('keeps idle streams open behind nginx, and delivers events at once [HTTP-S-29, HTTP-S-30]', {
  timeout: TIMEOUT_MS,
}, async ({ skip }) => {
  const why = missing(nginxProgram)
  if (why !== undefined) skip(why)
  const seen = await idleBehindNginx(IDLE_CUT_SECONDS, IDLE_CUT_SECONDS * 2_000, {
    keepAliveIntervalMs: KEEP_ALIVE_MS,
  })
  expect(seen).toMatchObject({
    answer: { content: [{ type: 'text', text: 'done' }] },
    streamsOpened: 1,
    errors: [],
  })
})
