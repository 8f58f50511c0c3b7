import { bestByteStream } from '../floors/byte-stream.js'
import { type ExchangeLoad, oneWay, roundTrips } from '../harness/exchange.js'
import { overPipes } from '../harness/pipes.js'
import type { Contestant, Suite } from '../harness/suite.js'

/** The effect of early writes: the other process reads while this one still serializes. */
export const suite: Suite<ExchangeLoad> = {
  name: 'write-size',
  question: 'How long may what is sent in one turn become before it leaves?',
  reference: 'characters-3072',
  loads: [roundTrips(64), oneWay(64)],
  contestants: [
    flushingAt(1024),
    flushingAt(2048),
    flushingAt(3072),
    flushingAt(4096),
    flushingAt(8192),
    overPipes('turn', 'one write per turn', (input, output) => bestByteStream(input, output, Infinity)),
  ],
}

function flushingAt(characters: number): Contestant<ExchangeLoad> {
  return overPipes(`characters-${characters}`, `writes of ${characters / 1024} KiB`, (input, output) =>
    bestByteStream(input, output, characters),
  )
}
