import { defineConfig, type ViteUserConfig } from 'vitest/config'
import { FlakyReporter } from './flaky-reporter.js'

/** The vitest configuration of one workspace: sources instead of builds, results kept for the CI summary. */
export function projectConfig(name: string): ViteUserConfig {
  const conditions = ['@mcpwire/source', 'module', 'node', 'development|production']
  return defineConfig({
    resolve: { conditions },
    ssr: { resolve: { conditions } },
    test: {
      name,
      include: ['test/**/*.test.ts', 'examples/**/*.test.ts'],
      reporters: ['default', ['json', { outputFile: '.results/test.json' }], new FlakyReporter()],
      // Some 22 000 tests decide in CI about what others wait for. Who passes only then is named at the end.
      retry: process.env['CI'] ? 1 : 0,
      pool: 'forks',
      // Importing the same sources and SDKs anew for each file takes longer than most tests.
      isolate: false,
      maxWorkers: 2,
      // Several packages test at once on few cores; what must be quick says so itself.
      testTimeout: 30_000,
      hookTimeout: 60_000,
    },
  })
}
