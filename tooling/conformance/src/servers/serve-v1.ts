import { listen } from './listen.js'
import { v1Server } from './v1-server.js'

// This SDK does not know 2026-07-28.
await listen((connection) => v1Server().connect(connection), { modern: 'off' })
