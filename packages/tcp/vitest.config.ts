import { mergeConfig } from 'vitest/config'
import { projectConfig } from '../../tooling/vitest.shared.js'

export default mergeConfig(projectConfig('tcp'), {
  // A test replaces a module of Node, which only a file that imports everything anew sees.
  test: { isolate: true },
})
