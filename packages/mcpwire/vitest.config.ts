import { mergeConfig } from 'vitest/config'
import { projectConfig } from '../../tooling/vitest.shared.js'

export default mergeConfig(projectConfig('mcpwire'), {
  test: {
    globalSetup: ['test/support/build-programs.ts'],
    // With shared modules, a dependency of the tables was once resolved to another version.
    isolate: true,
  },
})
