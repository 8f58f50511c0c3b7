import type {
  OAuthClientInformationMixed,
  OAuthClientMetadata,
  OAuthDiscoveryState,
  OAuthTokens,
} from '@modelcontextprotocol/client'

const REDIRECT_URL = 'http://localhost:3000/callback'

/** The response of an authorization server, in the query of the redirect. */
export interface AuthorizationAnswer {
  readonly code: string
  readonly iss?: string
}

/** The OAuth client of one user that consents at once. Fits `auth()` of both SDKs. */
export class OneUserProvider {
  readonly redirectUrl = REDIRECT_URL
  /** The suite expects this URL as client id where it supports URLs as client ids (SEP-991). */
  readonly clientMetadataUrl = 'https://conformance-test.local/client-metadata.json'
  readonly clientMetadata: OAuthClientMetadata = { client_name: 'everything', redirect_uris: [REDIRECT_URL] }
  #client: OAuthClientInformationMixed | undefined
  #tokens: OAuthTokens | undefined
  #discovery: OAuthDiscoveryState | undefined
  #verifier = ''
  #answer: AuthorizationAnswer | undefined

  /** Takes a client that was registered beforehand. */
  constructor(client?: OAuthClientInformationMixed) {
    this.#client = client
  }

  clientInformation(): OAuthClientInformationMixed | undefined {
    return this.#client
  }

  saveClientInformation(client: OAuthClientInformationMixed): void {
    this.#client = client
  }

  tokens(): OAuthTokens | undefined {
    return this.#tokens
  }

  saveTokens(tokens: OAuthTokens): void {
    this.#tokens = tokens
  }

  discoveryState(): OAuthDiscoveryState | undefined {
    return this.#discovery
  }

  saveDiscoveryState(state: OAuthDiscoveryState): void {
    this.#discovery = state
  }

  codeVerifier(): string {
    return this.#verifier
  }

  saveCodeVerifier(verifier: string): void {
    this.#verifier = verifier
  }

  /** Opens the page of the authorization server, which redirects without consent. */
  async redirectToAuthorization(url: URL): Promise<void> {
    const response = await fetch(url, { redirect: 'manual' })
    const query = new URL(response.headers.get('location') ?? '', url).searchParams
    const code = query.get('code')
    if (code === null) throw new Error(`the redirect has no code: ${query.toString()}`)
    const iss = query.get('iss')
    this.#answer = { code, ...(iss !== null && { iss }) }
  }

  /** The response to the last redirect. It can be taken once. */
  takeAnswer(): AuthorizationAnswer {
    const answer = this.#answer
    if (answer === undefined) throw new Error('the user was not asked')
    this.#answer = undefined
    return answer
  }

  invalidateCredentials(scope: 'all' | 'client' | 'tokens' | 'verifier' | 'discovery'): void {
    if (scope === 'all' || scope === 'client') this.#client = undefined
    if (scope === 'all' || scope === 'tokens') this.#tokens = undefined
    if (scope === 'all' || scope === 'discovery') this.#discovery = undefined
    if (scope === 'all' || scope === 'verifier') this.#verifier = ''
  }
}
