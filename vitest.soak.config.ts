import { mergeConfig } from 'vitest/config'
import { projectConfig } from './tooling/vitest.shared.js'

const LIMIT_MS = 600_000

export default mergeConfig(projectConfig('soak'), {
  test: {
    include: ['packages/*/test/**/*.soak.ts'],
    testTimeout: LIMIT_MS,
    hookTimeout: LIMIT_MS,
    // Heap measurements need a collected heap and a process of their own.
    execArgv: ['--expose-gc'],
    maxWorkers: 1,
  },
})
