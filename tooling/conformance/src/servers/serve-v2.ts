import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { listen } from './listen.js'
import { v2Server } from './v2-server.js'

// One endpoint for both eras. A session gets a server of its own; the requests without one share one that answers
// each as the revision it names wants it.
await listen((connection) =>
  connection.sessionId === undefined
    ? serveStdio(v2Server, { transport: connection })
    : v2Server().connect(connection),
)
