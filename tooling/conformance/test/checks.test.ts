import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { parseChecks, readResults, scenarioOf } from '../src/suite/checks.js'

test.each([
  ['server-ping-2026-11-24T13-51-02-392Z', 'ping'],
  ['server-server-initialize-2026-11-24T13-51-02-392Z', 'server-initialize'],
  ['auth/metadata-var1-2026-11-24T13-51-02-392Z', 'auth/metadata-var1'],
  ['json-schema-2020-12-preservation-2026-11-24T13-51-02-392Z', 'json-schema-2020-12-preservation'],
])('names the scenario of the folder %s', (folder, scenario) => {
  expect(scenarioOf(folder)).toBe(scenario)
})

test('reads every scenario below a folder', () => {
  const folder = mkdtempSync(join(tmpdir(), 'conformance-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  for (const name of ['auth/basic-cimd-2026-11-24T13-51-02-392Z', 'initialize-2026-11-24T13-51-02-392Z']) {
    mkdirSync(join(folder, name), { recursive: true })
    writeFileSync(join(folder, name, 'checks.json'), '[{"id":"a","status":"SUCCESS","description":"more"}]')
    writeFileSync(join(folder, name, 'stdout.txt'), 'noise')
  }

  expect(readResults(folder)).toEqual([
    { scenario: 'auth/basic-cimd', checks: [{ id: 'a', status: 'SUCCESS' }] },
    { scenario: 'initialize', checks: [{ id: 'a', status: 'SUCCESS' }] },
  ])
})

test('refuses a status it does not know, which would otherwise count as nothing', () => {
  expect(() => parseChecks('[{"id":"a","status":"CRASHED"}]')).toThrow()
})
