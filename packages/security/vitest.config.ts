import { projectConfig } from '../../tooling/vitest.shared.js'

export default projectConfig('security')
