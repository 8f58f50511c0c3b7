import { listen } from './listen.js'
import { v2Server } from './v2-server.js'

await listen((connection) => v2Server().connect(connection))
