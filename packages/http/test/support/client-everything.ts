import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { freePort } from '@mcpwire/test-support/ports'
import { onTestFinished } from 'vitest'

const program = fileURLToPath(import.meta.resolve('@modelcontextprotocol/server-everything/dist/index.js'))

/** Runs the reference server until the test is over, and returns its URL. */
export async function everything(mode: 'streamableHttp' | 'sse'): Promise<string> {
  const port = await freePort()
  const child = spawn(process.execPath, [program, mode], {
    env: { ...process.env, PORT: String(port) },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  onTestFinished(async () => {
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  })
  await output(child, String(port))
  return `http://127.0.0.1:${port}/${mode === 'sse' ? 'sse' : 'mcp'}`
}

/** Resolves once the child has written the text to its standard error. */
function output(child: ChildProcess, expected: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = ''
    child.stderr?.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      if (text.includes(expected)) resolve()
    })
    child.once('exit', () => reject(new Error(`the server ended: ${text}`)))
  })
}
