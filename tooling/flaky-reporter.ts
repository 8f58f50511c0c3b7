import type { Reporter, TestCase } from 'vitest/node'

/** Names at the end of a run each test that failed and passed when it was run again, with its first failure. */
export class FlakyReporter implements Reporter {
  readonly #found: TestCase[] = []

  onTestCaseResult(test: TestCase): void {
    if (test.diagnostic()?.flaky) this.#found.push(test)
  }

  onTestRunEnd(): void {
    if (this.#found.length === 0) return
    console.log(
      `\n${this.#found.length} passed only when run again. Each is a defect, of the test or of more:`,
    )
    for (const test of this.#found.splice(0)) {
      console.log(`  ${test.module.relativeModuleId} > ${test.fullName}`)
      for (const error of test.result().errors ?? []) console.log(`    ${error.stack ?? error.message}`)
    }
  }
}
