import { defineConfig, type ViteUserConfig } from 'vitest/config'

/** The vitest configuration of one workspace: tests import sources, and results are stored for the CI summary. */
export function projectConfig(name: string): ViteUserConfig {
  const conditions = ['@mcpwire/source', 'module', 'node', 'development|production']
  return defineConfig({
    resolve: { conditions },
    ssr: { resolve: { conditions } },
    test: {
      name,
      include: ['test/**/*.test.ts', 'examples/**/*.test.ts'],
      reporters: ['default', ['json', { outputFile: '.results/test.json' }]],
      pool: 'forks',
      // Importing the same sources and SDKs again for each file takes longer than most tests.
      isolate: false,
      maxWorkers: 2,
      // Tests of several packages run at once on few cores. A test with a shorter limit sets its own.
      testTimeout: 30_000,
      hookTimeout: 60_000,
    },
  })
}
