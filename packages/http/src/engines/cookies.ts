import { TransportError } from '@mcpwire/core'
import type { CookieJar } from 'tough-cookie'
import type { Cookies } from './engine.js'

/** The longest cookie that is kept, in characters, and the most of them (RFC 6265, section 6.1). */
const MAX_COOKIE_CHARACTERS = 4_096
const MAX_COOKIES = 50

/** Keeps the cookies of one server as long as its client lives. Loads the library with the first cookie. */
export function createCookies(load: () => Promise<CookieJar> = loadJar): Cookies {
  let jar: CookieJar | undefined
  let loading: Promise<void> | undefined
  /** The cookies that arrive while the library loads. */
  const arrived: (readonly [url: URL, cookies: readonly string[]])[] = []

  async function start(): Promise<void> {
    try {
      const loaded = await load()
      for (const [url, cookies] of arrived.splice(0)) keep(loaded, url, cookies)
      jar = loaded
      loading = undefined
    } catch (cause) {
      throw libraryMissing(cause)
    }
  }

  return {
    get loading() {
      return loading
    },
    store(url, cookies) {
      if (jar) keep(jar, url, cookies)
      else {
        arrived.push([url, cookies])
        loading ??= start()
        // Requests handle it.
        loading.catch(() => {})
      }
    },
    addTo(headers, url) {
      const stored = jar?.getCookieStringSync(url.href)
      return stored ? { ...headers, cookie: joined(headers['cookie'], stored) } : headers
    },
  }
}

async function loadJar(): Promise<CookieJar> {
  const { CookieJar } = await import('tough-cookie')
  // There is one server, so that its cookies reach no other one, whatever their domain.
  return new CookieJar(undefined, { rejectPublicSuffixes: false })
}

function keep(jar: CookieJar, url: URL, cookies: readonly string[]): void {
  for (const cookie of cookies) {
    if (cookie.length <= MAX_COOKIE_CHARACTERS) jar.setCookieSync(cookie, url.href, { ignoreError: true })
  }
  evict(jar)
}

/** Removes the oldest cookies over the limit. */
function evict(jar: CookieJar): void {
  const { cookies } = jar.serializeSync() ?? { cookies: [] }
  for (const { domain, path, key } of cookies.slice(0, Math.max(cookies.length - MAX_COOKIES, 0)))
    jar.store.removeCookie(String(domain), String(path), String(key), () => {})
}

/** The given cookies, and the stored ones with other names. */
function joined(given: string | undefined, stored: string): string {
  if (given === undefined) return stored
  const names = new Set(given.split(';').map(nameOf))
  return [given, ...stored.split('; ').filter((cookie) => !names.has(nameOf(cookie)))].join('; ')
}

function nameOf(cookie: string): string {
  return (cookie.split('=', 1)[0] as string).trim()
}

function libraryMissing(cause: unknown): TransportError {
  const message = 'the server sends cookies, and the package tough-cookie cannot be loaded'
  const details = {
    delivery: 'none',
    option: 'cookies',
    hint: 'install it, or set option "cookies" to false',
  } as const
  return new TransportError('SEND_FAILED', message, details, { cause })
}
