//#region after
import { stdioServer } from '@mcpwire/stdio'
import { newServerV1 } from '../support/new-server.js'

const server = newServerV1()
await server.connect(stdioServer())
//#endregion
