import { mkdtemp, rm } from 'node:fs/promises'
import type { RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { chromium, type Page } from 'playwright-core'
import { onTestFinished } from 'vitest'
import { chromiumProgram, missing } from './system-packages.js'

/** No connections of its own, and a foreign origin on this host. */
const FLAGS: readonly string[] = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--host-resolver-rules=MAP evil.example 127.0.0.1',
]

/** Opens a page in Chromium until the test has finished. Skips the test where Chromium cannot be installed. */
export async function pageInChromium(skip: (why: string) => void): Promise<Page> {
  const why = missing(chromiumProgram)
  if (why !== undefined) skip(why)
  const profile = await mkdtemp(join(tmpdir(), 'mcpwire-chromium-'))
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath: chromiumProgram.path,
    headless: true,
    args: [...FLAGS],
  })
  onTestFinished(async () => {
    await browser.close()
    await rm(profile, { recursive: true, force: true })
  })
  return await browser.newPage()
}

/** Bundles a program and its imports into one script for browsers, from the sources of our packages. */
export async function bundledForBrowsers(program: URL): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(program)],
    bundle: true,
    write: false,
    format: 'iife',
    platform: 'browser',
    target: 'es2023',
    conditions: ['@mcpwire/source', 'browser'],
  })
  return outputFiles[0]?.text ?? ''
}

/** Serves a page that runs the script. */
export function pageWith(script: string): RequestListener {
  return (request, response) => {
    const isScript = request.url === '/page.js'
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html')
    response.end(isScript ? script : '<!doctype html><script src="/page.js"></script>')
  }
}
