import type { OAuthClientProvider } from '@modelcontextprotocol/sdk/client/auth.js'
import { client } from './authorization-server.js'

type Saved<K extends 'clientInformation' | 'tokens'> = Awaited<ReturnType<OAuthClientProvider[K]>>

/** The provider of a client without a browser: it keeps the URL to which the user is sent. */
export class TestProvider implements OAuthClientProvider {
  readonly redirectUrl = 'http://127.0.0.1/callback'
  readonly clientMetadata = { ...client, client_name: 'test' }
  /** The last authorization URL. */
  redirectedTo: URL | undefined
  #tokens: Saved<'tokens'>
  #verifier = ''

  clientInformation(): Saved<'clientInformation'> {
    return client
  }

  tokens(): Saved<'tokens'> {
    return this.#tokens
  }

  saveTokens(tokens: NonNullable<Saved<'tokens'>>): void {
    this.#tokens = tokens
  }

  redirectToAuthorization(url: URL): void {
    this.redirectedTo = url
  }

  saveCodeVerifier(verifier: string): void {
    this.#verifier = verifier
  }

  codeVerifier(): string {
    return this.#verifier
  }
}
