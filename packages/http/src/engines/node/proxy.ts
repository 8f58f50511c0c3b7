import { BlockList, isIP } from 'node:net'
import { rejectOption } from '@mcpwire/core/authoring'

/** A proxy that connections go through. */
export interface HttpProxy {
  /** Without credentials. */
  readonly url: URL
  /** Its host and port, as errors call it. */
  readonly name: string
  /** What it wants to know of the caller. */
  readonly headers: Readonly<Record<string, string>>
}

/**
 * The proxy to the URL, if there is one: the one that was given, or what `HTTPS_PROXY` or `HTTP_PROXY` and `NO_PROXY`
 * say, in lower case first. They are read once.
 *
 * @throws TransportError `INVALID_OPTION`, which shows no part of a URL that may hold a password
 */
export function proxyTo(url: URL, option: 'environment' | string | URL | undefined): HttpProxy | undefined {
  if (option === undefined) return undefined
  if (option !== 'environment') return proxyAt(option, 'the URL of a proxy')
  const name = url.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY'
  const address = environmentOf(name)
  if (address === '' || isExcepted(url, environmentOf('NO_PROXY'))) return undefined
  const isBare = !address.includes('://')
  return proxyAt(isBare ? `http://${address}` : address, `left out, or ${name} the URL of a proxy`)
}

function environmentOf(name: string): string {
  return (process.env[name.toLowerCase()] ?? process.env[name] ?? '').trim()
}

function proxyAt(address: unknown, needed: string): HttpProxy {
  let url: URL
  try {
    url = new URL(String(address))
  } catch {
    return refuse(needed)
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') refuse(`${needed}, with http:// or https://`)
  const { username, password, protocol, hostname, port, host } = url
  const headers = username === '' && password === '' ? {} : authorization(username, password)
  const end = port === '' ? `${hostname}:${protocol === 'https:' ? 443 : 80}` : host
  return { url: new URL(`${protocol}//${host}`), name: end, headers }
}

function refuse(needed: string): never {
  rejectOption('proxy', needed)
}

function authorization(username: string, password: string): Record<string, string> {
  try {
    const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
    return { 'proxy-authorization': `Basic ${Buffer.from(credentials).toString('base64')}` }
  } catch {
    return refuse('the URL of a proxy whose user and password are percent-encoded')
  }
}

/** Whether `NO_PROXY` names the host: itself, a domain above it, a range of addresses, or `*`; with a port or not. */
function isExcepted({ hostname, protocol, port }: URL, exceptions: string): boolean {
  const host = bare(hostname)
  const usedPort = port === '' ? (protocol === 'https:' ? '443' : '80') : port
  return exceptions
    .toLowerCase()
    .split(/[\s,]+/)
    .some((entry) => {
      if (entry === '*') return true
      const [, name = '', ofPort] = /^(\[.*\]|[^:]*|.*:.*:.*?)(?::(\d+))?$/.exec(entry) ?? []
      if (name === '' || (ofPort !== undefined && ofPort !== usedPort)) return false
      if (name.includes('/')) return isInRange(host, name)
      const domain = bare(name.replace(/^\*?\./, ''))
      return host === domain || host.endsWith(`.${domain}`)
    })
}

function bare(host: string): string {
  return host.startsWith('[') ? host.slice(1, -1) : host
}

function isInRange(host: string, range: string): boolean {
  const [start = '', bits] = range.split('/')
  const family = isIP(host)
  if (family === 0 || isIP(start) !== family) return false
  const type = family === 4 ? 'ipv4' : 'ipv6'
  const list = new BlockList()
  try {
    list.addSubnet(start, Number(bits), type)
  } catch {
    return false
  }
  return list.check(host, type)
}
