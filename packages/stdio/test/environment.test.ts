import { describe, expect, test } from 'vitest'
import { childEnvironment } from '../src/environment.js'

const posix = {
  PATH: '/bin',
  HOME: '/home/me',
  LC_ALL: 'C',
  LANG: 'C',
  https_proxy: 'http://proxy',
  NO_PROXY: 'localhost',
  SSL_CERT_FILE: '/etc/ca',
  AWS_SECRET_ACCESS_KEY: 'secret',
  NODE_OPTIONS: '--inspect',
  SHELL: '() { :; }; echo pwned',
}

const windows = {
  Path: 'C:\\Windows',
  PATHEXT: '.COM;.EXE;.CMD',
  ComSpec: 'C:\\Windows\\cmd.exe',
  SystemRoot: 'C:\\Windows',
  'ProgramFiles(x86)': 'C:\\Program Files (x86)',
  HTTP_PROXY: 'http://proxy',
  TOKEN: 'secret',
}

describe('the environment of a child', () => {
  test('is paths, locale, proxies and certificates, without exported shell functions', () => {
    const { AWS_SECRET_ACCESS_KEY: _secret, NODE_OPTIONS: _options, SHELL: _function, ...safe } = posix
    expect(childEnvironment('safe', {}, posix, 'linux')).toEqual(safe)
  })

  test('is all of this process with "all", and none with "none"', () => {
    expect(childEnvironment('all', {}, posix, 'linux')).toEqual(posix)
    expect(childEnvironment('none', { A: '1' }, posix, 'linux')).toEqual({ A: '1' })
  })

  test('contains the given variables, without those set to undefined', () => {
    const given = { HOME: '/elsewhere', LANG: undefined, TOKEN: 'mine' }
    const environment = childEnvironment('safe', given, posix, 'linux')
    expect(environment).toMatchObject({ HOME: '/elsewhere', TOKEN: 'mine' })
    expect(environment).not.toHaveProperty('LANG')
  })

  test('has case-insensitive names on Windows', () => {
    const { TOKEN: _secret, ...safe } = windows
    expect(childEnvironment('safe', {}, windows, 'win32')).toEqual(safe)
  })

  test('has each name once on Windows', () => {
    const environment = childEnvironment('safe', { PATH: 'D:\\bin', comspec: undefined }, windows, 'win32')
    expect(environment).toMatchObject({ PATH: 'D:\\bin' })
    expect(Object.keys(environment).map((name) => name.toUpperCase())).not.toContain('COMSPEC')
    expect(environment).not.toHaveProperty('Path')
  })

  test('has case-sensitive names elsewhere', () => {
    expect(childEnvironment('none', { a: '1', A: '2' }, {}, 'linux')).toEqual({ a: '1', A: '2' })
  })

  test('accepts the names of members of Object', () => {
    const given = Object.fromEntries([['__proto__', 'x']])
    const environment = childEnvironment('none', given, {}, 'linux')
    expect(Object.getPrototypeOf(environment)).toBe(Object.prototype)
  })
})
