/**
 * Close codes (RFC 6455 §7.4 and the IANA registry it opens). 1004 is reserved; 1005, 1006 and 1015 stand for
 * what no frame said and are never sent; 1012 to 1014 were registered later.
 */
export const CloseCode = {
  normal: 1000,
  goingAway: 1001,
  protocolError: 1002,
  unsupportedData: 1003,
  noStatus: 1005,
  abnormal: 1006,
  invalidPayload: 1007,
  policyViolation: 1008,
  messageTooBig: 1009,
  mandatoryExtension: 1010,
  internalError: 1011,
  serviceRestart: 1012,
  tryAgainLater: 1013,
  badGateway: 1014,
  tlsHandshake: 1015,
} as const
export type CloseCode = (typeof CloseCode)[keyof typeof CloseCode]

/**
 * Whether a close frame may carry the code: 1000–1003, 1007–1014 and 3000–4999 (RFC 6455 §7.4.2).
 *
 * @example
 * isSendableCloseCode(1000) // true
 * isSendableCloseCode(1006) // false
 */
export function isSendableCloseCode(code: number): boolean {
  if (!Number.isInteger(code)) return false
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999)
}
