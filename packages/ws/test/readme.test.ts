import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { closeCodes } from '../src/close-codes.js'

test('the README lists every close code as the table in the sources has it', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  const rows = closeCodes.map(({ code, name, sentFor, heardAs, status }) => {
    const sent = sentFor.map((each) => `\`${each}\``).join(', ') || '–'
    const heard =
      heardAs === undefined ? 'an orderly end' : `\`${heardAs}\`${status === undefined ? '' : ` (${status})`}`
    return `| ${code} | ${name} | ${sent} | ${heard} |`
  })
  const table = ['| code | name | sent for | heard as |', '| --- | --- | --- | --- |', ...rows].join('\n')
  expect(readme).toContain(`<!-- close codes -->\n${table}\n<!-- /close codes -->`)
})
