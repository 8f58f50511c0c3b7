import { failureOf, refused } from '@mcpwire/test-support/option-errors'
import { describe, expect, test } from 'vitest'
import { httpHooks, securityHeaders } from '../src/index.js'
import { httpCaller } from './support/handshakes.js'

describe('securityHeaders', () => {
  const defaults = {
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'cross-origin-resource-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
  }

  test('has defaults, without Strict-Transport-Security', () => {
    expect(securityHeaders().responseHeaders?.(httpCaller())).toEqual(defaults)
  })

  test('adjusts and removes each header', () => {
    const hooks = securityHeaders({
      cacheControl: false,
      contentSecurityPolicy: false,
      contentTypeOptions: false,
      crossOriginResourcePolicy: 'cross-origin',
      frameOptions: false,
      referrerPolicy: false,
    })
    expect(hooks.responseHeaders?.(httpCaller())).toEqual({ 'cross-origin-resource-policy': 'cross-origin' })
  })

  test('sends Strict-Transport-Security to callers over https only', () => {
    const strictTransportSecurity = 'max-age=31536000'
    const hooks = securityHeaders({ strictTransportSecurity })
    expect(hooks.responseHeaders?.(httpCaller({}, { scheme: 'https' }))).toEqual({
      ...defaults,
      'strict-transport-security': strictTransportSecurity,
    })
    expect(hooks.responseHeaders?.(httpCaller({}, { scheme: 'http' }))).toEqual(defaults)
  })

  test.each([
    [{ contentTypeOptions: '' }, 'contentTypeOptions'],
    [{ referrerPolicy: true }, 'referrerPolicy'],
    [{ cacheControl: 'a\r\nset-cookie: x' }, 'cacheControl'],
    [{ contentSecurityPolicy: 'ā' }, 'contentSecurityPolicy'],
    [{ strictTransportSecurity: 31_536_000 }, 'strictTransportSecurity'],
    [{ hsts: 'x' }, 'hsts'],
  ])('rejects %o', (options, option) => {
    expect(failureOf(() => securityHeaders(options as object))).toMatchObject(refused(option))
  })
})

describe('httpHooks', () => {
  const caller = httpCaller()
  const respond = (body: string) => () => ({ status: 200, body })

  test('joins the headers of all, unites Vary, and prefers the first one elsewhere', () => {
    const hooks = httpHooks(
      { responseHeaders: () => ({ Vary: 'Origin', 'X-One': '1' }) },
      {},
      { responseHeaders: () => new Headers({ vary: 'origin, Accept', 'x-one': '2', 'x-two': '2' }) },
      { responseHeaders: () => [['VARY', 'Cookie'] as const] },
    )
    expect(hooks.responseHeaders?.(caller)).toEqual({
      vary: 'Origin, Accept, Cookie',
      'x-one': '1',
      'x-two': '2',
    })
  })

  test('takes the first response to a preflight', () => {
    const hooks = httpHooks(
      { preflight: () => undefined },
      { preflight: () => ({ status: 204 }) },
      { preflight: () => ({ status: 200 }) },
    )
    expect(hooks.preflight?.(caller)).toEqual({ status: 204 })
    expect(httpHooks({ preflight: () => undefined }, {}).preflight?.(caller)).toBeUndefined()
    expect(httpHooks().preflight?.(caller)).toBeUndefined()
  })

  test('has the routes of all', async () => {
    const { routes } = httpHooks({ routes: { '/a': respond('a') } }, { routes: { '/b': respond('b') } })
    expect(await routes?.['/a']?.(caller)).toEqual({ status: 200, body: 'a' })
    expect(await routes?.['/b']?.(caller)).toEqual({ status: 200, body: 'b' })
  })

  test.each([
    [[{ routes: { '/a': respond('') } }, { routes: { '/a': respond('') } }], 'hooks[1].routes["/a"]'],
    [[{}, null], 'hooks[1]'],
    [[() => {}], 'hooks[0]'],
    [[{ responseHeaders: {} }], 'hooks[0].responseHeaders'],
    [[{ routes: { '/a': 1 } }], 'hooks[0].routes["/a"]'],
    [[{ route: {} }], 'hooks[0].route'],
  ])('rejects %o', (given, option) => {
    expect(failureOf(() => httpHooks(...(given as object[])))).toMatchObject(refused(option))
  })

  test('passes on the error of a hook', () => {
    const fail = (): never => {
      throw new Error('broken')
    }
    const hooks = httpHooks(securityHeaders(), { responseHeaders: fail, preflight: fail })
    expect(() => hooks.responseHeaders?.(caller)).toThrow('broken')
    expect(() => hooks.preflight?.(caller)).toThrow('broken')
  })
})
