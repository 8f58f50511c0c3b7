import { expect, test } from 'vitest'
import { parseRefusal, toRefusalMessage } from '../src/authoring.js'

test('quotes a refusal on one line, without control characters, up to a limit', () => {
  const reason = `no\n\u001b[31m${'x'.repeat(500)}`
  const challenge = `Bearer\r\n\u202e${'y'.repeat(500)}`
  const refused = parseRefusal(
    toRefusalMessage({ admit: false, status: 401, reason, challenge }),
    'tcp://h:1',
  )
  expect(refused?.message).toBe(`tcp://h:1 refused the connection (401): no [31m${'x'.repeat(192)}…`)
  expect(refused).toMatchObject({ code: 'AUTH_REQUIRED' })
  const message = (refused as unknown as { details: { challenge: string } }).details.challenge
  expect(message).toBe(`Bearer ${'y'.repeat(191)}…`)
})
