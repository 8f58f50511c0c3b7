import { describeTransport } from '@mcpwire/compliance'
import { transportSubject } from './support/subjects.js'

const graceMs = 20_000
const tooMuch = 'takes minutes one byte at a time; the network of 499 bytes covers it'

describeTransport('unix over a network that delays', {
  ...transportSubject('file', { delayMs: 1 }),
  graceMs,
})
describeTransport('unix over a network of small pieces', {
  ...transportSubject('file', { chunkBytes: 499 }),
  graceMs,
})

const byteByByte = transportSubject('file', { chunkBytes: 1 })
describeTransport('unix over a network that passes one byte at a time', {
  ...byteByByte,
  exempt: { ...byteByByte.exempt, C2: tooMuch, maxQueuedBytes: tooMuch },
  graceMs,
})
