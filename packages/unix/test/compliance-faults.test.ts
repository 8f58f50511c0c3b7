import { describeTransport } from '@mcpwire/compliance'
import { transportSubject } from './support/subjects.js'

const graceMs = 20_000
const tooMuch = 'what that moves takes minutes one byte at a time; the line of 499 shows it'

describeTransport('unix over a line that delays', {
  ...transportSubject('file', { delayMs: 1 }),
  graceMs,
})
describeTransport('unix over a line of small pieces', {
  ...transportSubject('file', { chunkBytes: 499 }),
  graceMs,
})

const byteByByte = transportSubject('file', { chunkBytes: 1 })
describeTransport('unix over a line that passes one byte at a time', {
  ...byteByByte,
  exempt: { ...byteByByte.exempt, C2: tooMuch, maxQueuedBytes: tooMuch },
  graceMs,
})
