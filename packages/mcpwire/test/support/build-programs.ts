import { copyFileSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundle } from '../../bundle.js'
import { PROGRAMS } from './programs.js'

/**
 * Makes plain JavaScript of the program, as what is published is made, from sources, so that no test runs an older
 * build.
 */
export async function setup(): Promise<void> {
  mkdirSync(PROGRAMS, { recursive: true })
  await bundle(PROGRAMS, ['src/bin.ts'], '.mjs')
  // Where the program looks up its version.
  const manifest = fileURLToPath(new URL('../../package.json', import.meta.url))
  copyFileSync(manifest, join(dirname(PROGRAMS), 'package.json'))
}
