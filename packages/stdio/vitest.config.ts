import { mergeConfig } from 'vitest/config'
import { projectConfig } from '../../tooling/vitest.shared.js'

export default mergeConfig(projectConfig('stdio'), {
  // Children start slowly where others keep the machine busy.
  test: { globalSetup: ['test/support/build-programs.ts'], testTimeout: 30_000 },
})
