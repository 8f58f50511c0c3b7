// A host at its limit of open files when its server exits or is closed: `crowded <die|close> <marker>`. It prints the
// reason of the end.
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
openAll()
if (process.argv[2] === 'die') process.kill(transport.pid ?? 0, 'SIGKILL')
else void transport.close()
const reason = (await transport.closed) as { code?: string } | undefined
// Disables the kill at exit, so that the test finds processes that `close()` missed.
process.removeAllListeners('exit')
process.stdout.write(`${reason?.code ?? 'in order'}\n`, () => process.exit(0))

/** Repeats, to use descriptors that are closed later. */
function openAll(): void {
  try {
    for (;;) openSync('/dev/null', 'r')
  } catch {
    setImmediate(openAll)
  }
}
