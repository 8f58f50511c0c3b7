import { expect, test } from 'vitest'
import type { Check, ScenarioResult } from '../src/suite/checks.js'
import type { Run } from '../src/suite/plan.js'
import { judge } from '../src/suite/verdict.js'

const run: Run = {
  side: 'server',
  sdk: 'v1',
  selection: ['--suite', 'all'],
  scenarios: 1,
  checks: 0,
  limitMs: 60_000,
}

test('counts successful checks, and neither skipped nor informative ones', () => {
  const verdict = judge(run, [result('ping', 'SUCCESS', 'INFO', 'SKIPPED', 'SUCCESS')], false)

  expect(verdict).toEqual({ passed: 2, failed: 0, unscored: 0, problems: [] })
})

test.each(['FAILURE', 'WARNING'] as const)('fails for a %s', (status) => {
  const verdict = judge(run, [result('ping', 'SUCCESS', status)], false)

  expect(verdict).toMatchObject({ passed: 1, failed: 1, problems: [`ping: check-1 ${status}: because`] })
})

test('fails when a scenario has no checks', () => {
  const verdict = judge(run, [result('server-session-lifecycle', 'INFO')], false)

  expect(verdict).toMatchObject({ failed: 1, problems: ['server-session-lifecycle: no checks'] })
})

test('fails when scenarios are missing', () => {
  const verdict = judge({ ...run, scenarios: 2 }, [result('ping', 'SUCCESS')], false)

  expect(verdict).toMatchObject({ failed: 1, problems: ['1 scenarios ran, expected 2'] })
})

test('fails when checks are missing, although none failed', () => {
  const verdict = judge({ ...run, checks: 3 }, [result('server-sse-polling', 'SUCCESS', 'SUCCESS')], false)

  expect(verdict).toMatchObject({ failed: 1, problems: ['2 checks succeeded, expected 3'] })
})

test('fails where the suite did not end in time', () => {
  const verdict = judge(run, [result('ping', 'SUCCESS')], true)

  expect(verdict).toMatchObject({ failed: 1, problems: ['it took longer than 60000 ms'] })
})

test('reports what extensions miss, and does not count it', () => {
  const results = [result('auth/dpop', 'SUCCESS', 'FAILURE')]

  expect(judge({ ...run, side: 'client' }, results, false)).toMatchObject({
    passed: 0,
    failed: 0,
    unscored: 1,
    problems: ['(not scored) auth/dpop: check-1 FAILURE: because'],
  })
})

test('counts the timing of a reconnect only where the machine has nothing else to do', () => {
  const late = result('sse-retry', 'WARNING')
  const client: Run = { ...run, side: 'client' }

  expect(judge(client, [late], false).failed).toBe(1)
  expect(judge({ ...client, scenarios: 2 }, [late, result('initialize', 'SUCCESS')], false).failed).toBe(0)
})

function result(scenario: string, ...statuses: Check['status'][]): ScenarioResult {
  const reason = { errorMessage: 'because' }
  const checks = statuses.map((status, index) => ({
    id: `check-${index}`,
    status,
    ...(status === 'SUCCESS' ? {} : reason),
  }))
  return { scenario, checks }
}
