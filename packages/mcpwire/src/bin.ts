#!/usr/bin/env node
import { main } from './main.js'

// Whoever reads may be gone: that nobody hears it does not end what goes on, and whoever prints a result is told.
for (const output of [process.stdout, process.stderr]) output.on('error', () => {})

// Not left to the event loop: an open input, or what a server left behind, would keep a finished command alive.
process.exit(await main(process.argv.slice(2)))
