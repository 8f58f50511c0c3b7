import { mergeConfig } from 'vitest/config'
import { projectConfig } from '../../tooling/vitest.shared.js'

export default mergeConfig(projectConfig('stdio'), {
  test: { globalSetup: ['test/support/build-programs.ts'] },
})
