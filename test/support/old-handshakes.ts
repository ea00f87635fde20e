/** Opening handshakes of the versions before the numbers. */

/** The keys, the eight bytes and the answer of draft-hixie-thewebsocketprotocol-76 §1.3. */
export const CHALLENGE = {
  key1: '4 @1  46546xW%0l 1 5',
  key2: '12998 5 Y3 1  .P00',
  body: '^n:ds[4U',
  answer: "8jKS'y:G*Co,Wxa-",
}

/** A request without a number; `fields` are lines with their ends. */
export function hixie75(fields = ''): string {
  return `GET /chat HTTP/1.1\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nHost: a\r\n${fields}\r\n`
}

/** The head of hixie-76, without the eight bytes behind it. */
export function hixie76(fields = '', key1 = CHALLENGE.key1, key2 = CHALLENGE.key2): string {
  return hixie75(`Sec-WebSocket-Key1: ${key1}\r\nSec-WebSocket-Key2: ${key2}\r\n${fields}`)
}

export function hybi03(fields = ''): string {
  return hixie76(`Sec-WebSocket-Draft: 3\r\n${fields}`)
}
