import { BlockList, isIP } from 'node:net'
import { rejectOption } from '@mcpwire/core/authoring'
import { refuseOption } from '../engine.js'

/** A proxy that connections go through. */
export interface HttpProxy {
  /** Without credentials. */
  readonly url: URL
  /** Its host and port, for errors. */
  readonly name: string
  /** The credentials for it, if there are any. */
  readonly headers: Readonly<Record<string, string>>
}

/**
 * The proxy for the URL, if there is one: the given one, or the one in `HTTPS_PROXY` or `HTTP_PROXY`, unless
 * `NO_PROXY` names the host. Variables in lower case have precedence. They are read once.
 *
 * @throws TransportError `INVALID_OPTION`, without the URL, which may contain a password
 */
export function proxyTo(url: URL, option: 'environment' | string | URL | undefined): HttpProxy | undefined {
  if (option === undefined) return undefined
  if (option !== 'environment') return proxyAt(option)
  const name = url.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY'
  const address = environmentOf(name)
  if (address === '' || isExcepted(url, environmentOf('NO_PROXY'))) return undefined
  const isBare = !address.includes('://')
  return proxyAt(isBare ? `http://${address}` : address, name)
}

function environmentOf(name: string): string {
  return (process.env[name.toLowerCase()] ?? process.env[name] ?? '').trim()
}

function proxyAt(address: unknown, variable?: string): HttpProxy {
  const refuse = (needed: string): never =>
    variable === undefined
      ? rejectOption('proxy', needed)
      : refuseOption('proxy', `uses the environment variable ${variable}, which must be ${needed}`)
  const text = typeof address === 'string' || address instanceof URL ? String(address) : ''
  if (!URL.canParse(text)) return refuse('the URL of a proxy')
  const { username, password, protocol, hostname, port, host } = new URL(text)
  if (protocol !== 'http:' && protocol !== 'https:') refuse('the URL of a proxy, with http:// or https://')
  const credentials = decoded(username, password)
  if (credentials === undefined) refuse('the URL of a proxy whose user and password are percent-encoded')
  const headers = credentials
    ? { 'proxy-authorization': `Basic ${Buffer.from(credentials).toString('base64')}` }
    : {}
  const name = port === '' ? `${hostname}:${protocol === 'https:' ? 443 : 80}` : host
  return { url: new URL(`${protocol}//${host}`), name, headers }
}

/** User and password as they are sent, empty where there are none, `undefined` where they cannot be decoded. */
function decoded(username: string, password: string): string | undefined {
  if (username === '' && password === '') return ''
  try {
    return `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  } catch {
    return undefined
  }
}

/** Whether `NO_PROXY` contains the host, a domain above it, its range of addresses, or `*`; each may have a port. */
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
