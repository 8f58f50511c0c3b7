import { mergeConfig } from 'vitest/config'
import { projectConfig } from '../../tooling/vitest.shared.js'

export default mergeConfig(projectConfig('unix'), {
  // A test replaces a module of Node, which only a file that imports everything anew sees.
  test: { globalSetup: ['test/support/build-programs.ts'], isolate: true },
})
