import { defineConfig } from 'vitest/config'
import { FlakyReporter } from './tooling/flaky-reporter.js'

export default defineConfig({
  test: {
    projects: ['packages/*', 'benchmarks', 'docs/examples', 'tooling', 'tooling/conformance'],
    maxWorkers: 2,
    reporters: ['default', 'json', new FlakyReporter()],
    outputFile: { json: '.results/test.json' },
  },
})
