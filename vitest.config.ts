import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    projects: [
      'packages/*',
      'benchmarks',
      'docs/examples',
      'tooling',
      'tooling/conformance',
      'tooling/interop',
    ],
    maxWorkers: 2,
    reporters: ['default', 'json'],
    outputFile: { json: '.results/test.json' },
  },
})
