// The last line of a CI run: how many tests and checks passed and failed, from the results the stages left.
// Arguments: `<stage>=<exit code>`. Plain JavaScript: it also runs when the install failed.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const filesOf = {
  test: () => [
    ...readdirSync(`${root}packages`).map((folder) => `packages/${folder}/.results/test.json`),
    'benchmarks/.results/test.json',
    'tooling/.results/test.json',
    'tooling/conformance/.results/test.json',
    'tooling/interop/.results/test.json',
  ],
  check: () => ['.results/checks.json'],
  // One check, without tests to count.
  release: () => [],
}

const total = { passed: 0, failed: 0 }
for (const argument of process.argv.slice(2)) {
  const [stage = '', exitCode] = argument.split('=')
  const files = filesOf[stage]?.() ?? [`.results/${stage}.json`]
  const counts = files.filter((file) => existsSync(root + file)).map((file) => countsIn(root + file))
  const isOneCheck = files.length === 0 && exitCode === '0'
  const passed = counts.reduce((sum, count) => sum + count.passed, isOneCheck ? 1 : 0)
  const failed = counts.reduce((sum, count) => sum + count.failed, 0)
  // A stage that failed without a failed test (a compiler error, no install) is one failure.
  total.passed += passed
  total.failed += exitCode === '0' || failed > 0 ? failed : 1
  console.log(`${stage}: ${passed} passed, ${failed} failed, exit code ${exitCode}`)
}
console.log(`${total.passed} passed, ${total.failed} failed`)

function countsIn(file) {
  const result = JSON.parse(readFileSync(file, 'utf8'))
  if ('passed' in result) return result
  const unloadable = result.testResults.filter(
    (suite) => suite.status === 'failed' && suite.assertionResults.length === 0,
  )
  return { passed: result.numPassedTests, failed: result.numFailedTests + unloadable.length }
}
