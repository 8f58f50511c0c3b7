import { expectKnownOptions, failureOf, refused } from '@mcpwire/test-support/option-errors'
import { expect, test } from 'vitest'
import { anyOf, bearer, cors, mutualTls, originIn, securityHeaders, trustedProxies } from '../src/index.js'
import { apiKey, proxyProtocol } from '../src/node/index.js'

const verifier = { verify: () => ({ authInfo: { token: '', clientId: 'a', scopes: [] } }) }
const admitting = { admit: () => ({ admit: true }) as const }

const factories: readonly (readonly [string, (options: object) => unknown, readonly string[]])[] = [
  ['originIn', (options) => originIn(['https://app.example'], options), ['requireOrigin']],
  ['bearer', (options) => bearer(verifier, options), ['requiredScopes', 'challenge']],
  [
    'mutualTls',
    (options) => mutualTls({ names: ['a.example'], ...options }),
    ['subjects', 'names', 'fingerprints', 'anyCertificate'],
  ],
  [
    'apiKey',
    (options) => apiKey({ ci: 'key-0123456789abcdef' }, options),
    ['header', 'acceptBearer', 'clock'],
  ],
  [
    'trustedProxies',
    (options) => trustedProxies(['10.0.0.1'], options),
    ['header', 'xForwardedHost', 'maxHops', 'maxHeaderLength', 'unixSockets'],
  ],
  [
    'proxyProtocol',
    (options) => proxyProtocol(['10.0.0.1'], options),
    ['refuseOthers', 'timeoutMs', 'maxBytes'],
  ],
  ['identity', (options) => trustedProxies(['10.0.0.1']).identity(options), ['userHeader', 'scopesHeader']],
  ['securityHeaders', (options) => securityHeaders(options), ['cacheControl', 'strictTransportSecurity']],
  [
    'cors',
    (options) => cors({ origins: ['https://app.example'], ...options }),
    ['origins', 'credentials', 'maxAgeSeconds', 'requestHeaders', 'exposedHeaders', 'privateNetwork'],
  ],
  ['anyOf', (options) => anyOf(admitting, options as never), ['onError']],
]

test.each(factories)('%s rejects an unknown option and lists the known ones', (_name, make, known) => {
  expectKnownOptions(make, known)
})

test.each(factories.filter(([name]) => name !== 'mutualTls' && name !== 'cors'))(
  '%s reads no option that the object inherits, such as by __proto__ in parsed JSON',
  (_name, make, [option = '']) => {
    const parsed = JSON.parse(`{"__proto__":{"${option}":"x"}}`)
    expect(failureOf(() => make(parsed))).toMatchObject(refused('__proto__'))
    expect(failureOf(() => make(Object.create({ [option]: 'x' })))).toMatchObject(refused(option))
  },
)
