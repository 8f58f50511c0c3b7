import { createCookies } from '../cookies.js'
import type { CreateEngine } from '../engine.js'
import { createEngine as createWebEngine } from '../web/engine.js'

/** The engine of Bun, Deno and workerd, whose `fetch` keeps no cookies. */
export const createEngine: CreateEngine = (settings) => {
  const engine = createWebEngine(settings)
  return settings.cookies ? { ...engine, cookies: createCookies() } : engine
}
