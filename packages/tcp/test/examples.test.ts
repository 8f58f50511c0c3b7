import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const folder = fileURLToPath(new URL('../examples', import.meta.url))

const said: Record<string, string> = {
  'first.ts': 'hello',
  'mutual-tls.ts': "text: 'hello, Ada' } ] TLSv1.3",
  'token.ts': "refused the connection (401): a token is required\n[ 'Ada' ]",
}

test.each(readdirSync(folder))(
  '%s runs, says what it should and ends',
  async (name) => {
    const args = ['--conditions=@mcpwire/source', '--import', 'tsx', `${folder}/${name}`]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], timeout: 30_000 })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
    expect(await once(child, 'close')).toEqual([0, null])
    expect(output).toContain(said[name])
  },
  40_000,
)
