/** Ends a case that needs what the subject is exempt from; the message is the reason. */
export class Exempt extends Error {
  override readonly name = 'Exempt'
}
