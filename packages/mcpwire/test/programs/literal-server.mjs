// A server over stdio that responds with the bytes that a request names.
import { literalResponse } from './literal-response.mjs'

let rest = ''
process.stdin.setEncoding('utf8').on('data', (chunk) => {
  const lines = (rest + chunk).split('\n')
  rest = lines.pop()
  for (const line of lines) {
    const response = literalResponse(line)
    if (response) process.stdout.write(Buffer.concat([response, Buffer.from('\n')]))
  }
})
