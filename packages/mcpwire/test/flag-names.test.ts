import { TransportError } from '@mcpwire/core'
import { describe, expect, test } from 'vitest'
import { endpoint } from '../src/endpoint.js'
import { flagFor, nameFlags } from '../src/flag-names.js'
import { usageMessage } from '../src/program.js'
import { diagnose } from '../src/report.js'

describe('nameFlags()', () => {
  test.each([
    ['option "cwd" (/nowhere) is no folder', '--cwd (/nowhere) is no folder'],
    ['option "command" (x) was not found', 'the command (x) was not found'],
    ['check the path in option "url"', 'check the path in the URL'],
    ['not one of option "tls.ca"', 'not one of --tls-ca'],
    ['not one of option "tls.caFile"', 'not one of --tls-ca'],
    ['not within closeTimeoutMs (5 ms)', 'not within --close-timeout-ms (5 ms)'],
    ['for other names: tls.serverName (a.example)', 'for other names: --tls-server-name (a.example)'],
  ])('renames each option in: %s', (text, expected) => {
    expect(nameFlags(text, 'server')).toBe(expected)
  })

  test.each([
    'option "unknown" is not known',
    'the command (node) failed',
    'raise maxMessageBytes',
    '"maxMessageBytes (1)"',
    'option "maxConnections"',
  ])('keeps the text: %s', (text) => {
    expect(nameFlags(text, 'server')).toBe(text)
  })

  test('names the flags of --listen for a client', () => {
    expect(nameFlags('option "tls.cert" and maxConnections (2)', 'client')).toBe(
      '--listen-cert and --max-connections (2)',
    )
  })
})

test('flagFor() has no flag for a part of the URL', () => {
  expect({ url: flagFor('url', 'server'), cwd: flagFor('cwd', 'server') }).toEqual({
    url: undefined,
    cwd: '--cwd',
  })
})

describe('diagnose()', () => {
  test('takes the flag from the details of the error', () => {
    const details = { address: 'stdio:node', option: 'cwd', hint: 'check option "cwd"' }
    const error = new TransportError('CONNECT_FAILED', 'cannot start stdio:node', details)
    expect(diagnose(error)).toEqual({
      code: 'CONNECT_FAILED',
      message: 'cannot start stdio:node; check --cwd',
      address: 'stdio:node',
      option: '--cwd',
    })
  })

  test('takes the flag from the details of the cause of CLOSED', () => {
    const details = { bytes: 9, maxMessageBytes: 8, option: 'maxMessageBytes' }
    const cause = new TransportError('MESSAGE_TOO_LARGE', 'too long', details)
    expect(diagnose(new TransportError('CLOSED', 'closed', undefined, { cause }))).toMatchObject({
      code: 'MESSAGE_TOO_LARGE',
      option: '--max-message-bytes',
    })
  })

  test('adds no advice to an error that has a hint', () => {
    const details = { method: 'ping', timeoutMs: 5, option: 'timeoutMs', hint: 'raise option "timeoutMs"' }
    const { message } = diagnose(new TransportError('REQUEST_TIMEOUT', 'no response to ping', details))
    expect(message.match(/--timeout-ms/g)).toHaveLength(1)
  })

  test('keeps the text of a server as it is', () => {
    const details = { exitCode: 1, signal: null, stderrTail: '' }
    const error = new TransportError('PROCESS_EXITED', 'option "cwd" needs --foo', details)
    expect(diagnose(error)).toMatchObject({ message: 'option "cwd" needs --foo', option: null })
  })

  test('has no code for a value that is no error', () => {
    expect(diagnose('text')).toEqual({ code: null, message: 'text', address: null, option: null })
  })
})

test('usageMessage() names the flag of an invalid option', async () => {
  const error = await endpoint(['node'], { maxMessageBytes: 1 }).catch((thrown) => thrown)
  expect(usageMessage(error, 'server')).toMatch(/^--max-message-bytes must be /)
})
