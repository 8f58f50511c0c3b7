// For `node --import`, in front of the suite: the versions of Node that have `fs.globSync` need nothing.
import fs from 'node:fs'
import { register } from 'node:module'

if (!('globSync' in fs)) register('./load-hooks.js', import.meta.url)
