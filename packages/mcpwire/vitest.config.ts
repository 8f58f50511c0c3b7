import { mergeConfig } from 'vitest/config'
import { projectConfig } from '../../tooling/vitest.shared.js'

export default mergeConfig(projectConfig('mcpwire'), {
  test: { globalSetup: ['test/support/build-programs.ts'] },
})
