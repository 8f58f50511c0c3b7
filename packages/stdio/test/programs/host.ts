// A host with one server: `host <stay|exit> <command> <arg …>`. It inherits the server's standard error and ends with
// its input, or exits without `close()` after the first output of the server.
import { stdioClient } from '../../src/index.js'

const [, , mode, command = '', ...args] = process.argv
const transport = stdioClient({ command, args, ...(mode === 'exit' && { stderr: 'pipe' }) })
transport.stderr?.once('data', () => {
  process.stderr.write(`child ${transport.pid}\n`, () => process.exit(0))
})
await transport.start()
process.stdin.resume()
process.stdin.on('end', () => void transport.close())
