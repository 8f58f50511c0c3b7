import { isIPv6 } from 'node:net'

/** A URL for a TCP endpoint: `tcp://host:port`, or `tcps://` under TLS. */
export function tcpAddress(host: string, port: number, isSecure: boolean): string {
  // Each connection keeps one: joined it is one string, where a template would keep all its parts.
  return [isSecure ? 'tcps' : 'tcp', '://', isIPv6(host) ? `[${host}]` : host, ':', port].join('')
}
