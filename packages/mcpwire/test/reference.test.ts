import { readFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { outputOf } from './support/output.js'

const page = new URL('../../../docs/reference/mcpwire.md', import.meta.url)

// To update the page: UPDATE_REFERENCE=1 npx vitest run test/reference.test.ts
test('the reference page quotes the help of every command', async () => {
  const text = readFileSync(page, 'utf8')
  let expected = text
  for (const command of ['bridge', 'probe', 'demo']) {
    const { stdout } = await outputOf([command, '--help'])
    const block = `<!-- help: ${command} -->\n\`\`\`text\n${stdout.trimEnd()}\n\`\`\`\n<!-- /help -->`
    expected = expected.replace(new RegExp(`<!-- help: ${command} -->\\n[^]*?<!-- /help -->`), () => block)
    expect(expected).toContain(block)
  }
  if (process.env['UPDATE_REFERENCE']) writeFileSync(page, expected)
  else expect(text).toBe(expected)
})
