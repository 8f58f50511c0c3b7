/**
 * A name, and its value as a quoted string or a token; or a quoted string alone, so that its text counts as no name (RFC
 * 9110, section 11.2). The lookbehind and the end of the text as a quote make the search linear.
 */
const PARAMETER =
  /(?<![\w!#$%&'*+.^`|~-])([\w!#$%&'*+.^`|~-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))|"(?:[^"\\]|\\.)*(?:"|\\?$)/g

/** A parameter of the challenge in `WWW-Authenticate`, `undefined` where there is none. Names have no case. */
export function challengeParameter(challenge: string | null | undefined, name: string): string | undefined {
  for (const [, key, quoted, token] of (challenge ?? '').matchAll(PARAMETER)) {
    if (key?.toLowerCase() === name) return quoted?.replace(/\\(.)/g, '$1') ?? token
  }
  return undefined
}
