import { describeTransport } from '@mcpwire/compliance'
import { plainSubject } from './support/subjects.js'

const graceMs = 20_000
const tooMuch = 'takes minutes one byte at a time; the network of 499 bytes covers it'

describeTransport('tcp over a network that delays', { ...plainSubject({ delayMs: 1 }), graceMs })
describeTransport('tcp over a slow network', { ...plainSubject({ bytesPerSecond: 20_000_000 }), graceMs })
describeTransport('tcp over a network of small pieces', { ...plainSubject({ chunkBytes: 499 }), graceMs })

const byteByByte = plainSubject({ chunkBytes: 1 })
describeTransport('tcp over a network that passes one byte at a time', {
  ...byteByByte,
  exempt: { ...byteByByte.exempt, C2: tooMuch, maxQueuedBytes: tooMuch },
  graceMs,
})
