import { expect, it } from 'vitest'
import { type Connector, createTransport } from '../src/authoring.js'
import { tap, withLayers } from '../src/index.js'

const inSession: Connector = {
  connect: () => Promise.reject(new Error('nobody is there')),
  sessionId: 'session-1',
}

it('a transport whose connector knows its session names it before it is started', () => {
  expect(createTransport(inSession).sessionId).toBe('session-1')
})

it('it does so through layers', () => {
  expect(withLayers(inSession, tap({})).sessionId).toBe('session-1')
  expect(withLayers(createTransport(inSession), tap({})).sessionId).toBe('session-1')
})
