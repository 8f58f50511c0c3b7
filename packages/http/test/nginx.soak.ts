import { missing, nginxProgram } from '@mcpwire/test-support/system-packages'
import { expect, test } from 'vitest'
import { idleBehindNginx } from './support/behind-nginx.js'

/** As operators set it, and what a stream of a server with its defaults has to live through more than twice. */
const IDLE_CUT_SECONDS = 20
const QUIET_MS = 46_000
const AT_ONCE_MS = 1_000

test('keeps streams open behind nginx with an idle timeout of 20 s, and delivers events at once', async ({
  skip,
}) => {
  const why = missing(nginxProgram)
  if (why !== undefined) skip(why)
  const seen = await idleBehindNginx(IDLE_CUT_SECONDS, QUIET_MS)
  console.info(JSON.stringify(seen))
  expect(seen).toMatchObject({
    answer: { content: [{ type: 'text', text: 'done' }] },
    streamsOpened: 1,
    errors: [],
  })
  expect(seen.progressAfterMs).toBeLessThan(AT_ONCE_MS)
  expect(seen.loggedAfterMs).toBeLessThan(AT_ONCE_MS)
})

test('has a control: nginx cuts a request whose stream is idle', async ({ skip }) => {
  const why = missing(nginxProgram)
  if (why !== undefined) skip(why)
  const silent = idleBehindNginx(IDLE_CUT_SECONDS, QUIET_MS, { keepAliveIntervalMs: Infinity })
  await expect(silent).rejects.toMatchObject({ data: { code: 'OUTCOME_UNKNOWN' } })
})
