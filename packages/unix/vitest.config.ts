import { mergeConfig } from 'vitest/config'
import { projectConfig } from '../../tooling/vitest.shared.js'

export default mergeConfig(projectConfig('unix'), {
  test: { globalSetup: ['test/support/build-programs.ts'] },
})
