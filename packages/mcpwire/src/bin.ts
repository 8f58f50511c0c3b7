#!/usr/bin/env node
import { main } from './main.js'

// A reader may close its end of the pipe. The bridge goes on without it, and print() reports failed writes.
for (const output of [process.stdout, process.stderr]) output.on('error', () => {})

// An explicit exit: an open input, or handles of a server, would keep a finished command running.
process.exit(await main(process.argv.slice(2)))
