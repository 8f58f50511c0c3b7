import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { closeCodes } from '../src/close-codes.js'

test('docs/reference/ws.md lists every close code of the sources', () => {
  const page = readFileSync(new URL('../../../docs/reference/ws.md', import.meta.url), 'utf8')
  const rows = closeCodes.map(({ code, name, sentFor, receivedAs, status }) => {
    const sent = (sentFor ?? []).map((each) => `\`${each}\``).join(', ') || '–'
    const received =
      receivedAs === undefined
        ? 'an orderly end'
        : `\`${receivedAs}\`${status === undefined ? '' : ` (${status})`}`
    return `| ${code} | ${name} | ${sent} | ${received} |`
  })
  const table = ['| code | name | sent for | received as |', '| --- | --- | --- | --- |', ...rows].join('\n')
  expect(page).toContain(`<!-- close codes -->\n${table}\n<!-- /close codes -->`)
})
