/** The end that an error is about: the server, or a client of `--listen`. */
export type End = 'server' | 'client'

/** Options that both ends have, by the names that the packages use. */
const COMMON_NAMES = {
  endpoint: 'the URL',
  listen: 'the URL',
  url: 'the URL',
  host: 'the host in the URL',
  port: 'the port in the URL',
  path: 'the path in the URL',
  tls: 'the scheme of the URL',
  maxMessageBytes: '--max-message-bytes',
  closeTimeoutMs: '--close-timeout-ms',
  maxTotalBytes: '--max-total-bytes',
  pingIntervalMs: '--ping-interval-ms',
  drainMs: '--drain-ms',
  drainTimeoutMs: '--drain-ms',
}

const NAMES: Readonly<Record<End, ReadonlyMap<string, string>>> = {
  server: new Map(
    Object.entries({
      ...COMMON_NAMES,
      command: 'the command',
      args: 'the arguments of the command',
      cwd: '--cwd',
      env: '--env',
      inherit: '--inherit',
      headers: '--header',
      auth: '--header',
      proxy: 'HTTP_PROXY or HTTPS_PROXY',
      connectTimeoutMs: 'the connect timeout',
      timeoutMs: '--timeout-ms',
      'tls.ca': '--tls-ca',
      'tls.caFile': '--tls-ca',
      'tls.cert': '--tls-cert',
      'tls.certFile': '--tls-cert',
      'tls.key': '--tls-key',
      'tls.keyFile': '--tls-key',
      'tls.serverName': '--tls-server-name',
    }),
  ),
  client: new Map(
    Object.entries({
      ...COMMON_NAMES,
      gate: '--allow-anonymous',
      maxConnections: '--max-connections',
      idleTimeoutMs: '--session-idle-ms',
      caFile: '--listen-ca',
      certFile: '--listen-cert',
      keyFile: '--listen-key',
      passphrase: 'an unencrypted key in --listen-key',
      'tls.ca': '--listen-ca',
      'tls.caFile': '--listen-ca',
      'tls.cert': '--listen-cert',
      'tls.certFile': '--listen-cert',
      'tls.key': '--listen-key',
      'tls.keyFile': '--listen-key',
    }),
  ),
}

/** An option in the text of an error: `option "name"`, or a limit with its value, as in `maxMessageBytes (1024)`. */
const OPTION = /\boption "([\w.]+)"|(?<![\w."])([a-z]+[A-Z.]\w+)(?= \()/g

/** The flag for an option of the packages. `undefined` for an option that no flag sets. */
export function flagFor(option: string | undefined, end: End): string | undefined {
  const name = NAMES[end].get(option ?? '')
  return name?.startsWith('--') ? name : undefined
}

/** Instructions for programs, and what a user of the command line does instead. */
const INSTRUCTIONS: readonly (readonly [RegExp, string])[] = [
  [/\buse option "auth" or option "headers"/, 'pass --header "Authorization: Bearer …"'],
  [
    /\bthe credential in option "headers" was rejected/,
    'the credential in --header was rejected: check that the token is correct and has not expired',
  ],
  [/\bpass it in option "env"/, 'pass --env NAME'],
  [/\bpass (\w+) in option "env"/, 'pass --env $1'],
  [
    /\bpass the arguments in option "args"/,
    'write the command and its arguments without quotes around all of them',
  ],
]

/** Names each option in the text of an error as the command line does. The rest of the text stays as it is. */
export function nameFlags(text: string, end: End): string {
  let named = text
  if (end === 'server') for (const [pattern, instead] of INSTRUCTIONS) named = named.replace(pattern, instead)
  return named.replace(OPTION, (token, option?: string, limit?: string) => {
    return NAMES[end].get(option ?? limit ?? '') ?? token
  })
}
