import { listen } from './listen.js'
import { v1Server } from './v1-server.js'

await listen((connection) => v1Server().connect(connection))
