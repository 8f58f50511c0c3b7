// A host that runs one server: `host <stay|exit> <command> <arg …>`. It shows the server's standard error as its own
// and ends with its input, or exits without a farewell once the server has said something.
import { stdioClient } from '../../src/index.js'

const [, , manners, command = '', ...args] = process.argv
const transport = stdioClient({ command, args, ...(manners === 'exit' && { stderr: 'pipe' }) })
transport.stderr?.once('data', () => {
  process.stderr.write(`child ${transport.pid}\n`, () => process.exit(0))
})
await transport.start()
process.stdin.resume()
process.stdin.on('end', () => void transport.close())
