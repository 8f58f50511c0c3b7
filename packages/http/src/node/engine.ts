import { invalidOption } from '@mcpwire/core'
import type { CreateEngine } from '../engine-settings.js'
import { undiciEngine } from './engines/undici.js'
import { createConnector } from './socket-connector.js'

/** Chooses by the options: undici on sockets of our own making where neither `fetch` nor `agent` is given. */
export const createEngine: CreateEngine = (settings) => {
  if (settings.tls !== undefined && settings.url.protocol !== 'https:')
    invalidOption('tls', undefined, 'left out where the URL is not https:')
  return undiciEngine(settings, createConnector(settings))
}
