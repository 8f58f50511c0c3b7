// A host whose open files are as many as it may have when its server dies, or when it closes it: `crowded <die|close>`.
// Says why the conversation ended.
import { openSync } from 'node:fs'
import { stdioClient } from '../../src/index.js'

const transport = stdioClient({
  command: 'sh',
  args: ['-c', process.argv[2] === 'die' ? 'sleep 60 & cat' : 'while :; do sleep 1; done'],
  env: { CROWDED: process.argv[3] },
  stderr: 'ignore',
  closeTimeoutMs: 600,
})
await transport.start()
takeAll()
if (process.argv[2] === 'die') process.kill(transport.pid ?? 0, 'SIGKILL')
else void transport.close()
const reason = (await transport.closed) as { code?: string } | undefined
// What ends with this process shall not: that is what the transport left behind.
process.removeAllListeners('exit')
process.stdout.write(`${reason?.code ?? 'in order'}\n`, () => process.exit(0))

/** Again and again: what others let go of is taken too. */
function takeAll(): void {
  try {
    for (;;) openSync('/dev/null', 'r')
  } catch {
    setImmediate(takeAll)
  }
}
