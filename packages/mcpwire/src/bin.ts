#!/usr/bin/env node
import { main } from './main.js'

// Not left to the event loop: an open input, or what a server left behind, would keep a finished command alive.
process.exit(await main(process.argv.slice(2)))
