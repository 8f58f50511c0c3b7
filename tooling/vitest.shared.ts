import { fileURLToPath } from 'node:url'
import { defineConfig, type ViteUserConfig } from 'vitest/config'

const SETUP = fileURLToPath(new URL('vitest.setup.ts', import.meta.url))

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
      setupFiles: [SETUP],
      // Tests of several packages run at once on few cores. Longer than the limit of a wait, whose error has the reason.
      testTimeout: 120_000,
      hookTimeout: 120_000,
      expect: { poll: { timeout: 30_000, interval: 10 } },
    },
  })
}
