import { expect, it } from 'vitest'
import { type Connector, createTransport } from '../src/authoring.js'
import { tap, withLayers } from '../src/index.js'

const inSession: Connector = {
  connect: () => Promise.reject(new Error('nothing listens here')),
  sessionId: 'session-1',
}

it('has the sessionId of the connector before the start', () => {
  expect(createTransport(inSession).sessionId).toBe('session-1')
})

it('has that sessionId through layers', () => {
  expect(withLayers(inSession, tap({})).sessionId).toBe('session-1')
  expect(withLayers(createTransport(inSession), tap({})).sessionId).toBe('session-1')
})
