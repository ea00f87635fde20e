/** CRC32C, the Castagnoli polynomial, lowest bit first (RFC 9260 appendix A, which was RFC 4960 appendix B). */

const POLYNOMIAL = 0x82f63b78

const table: Uint32Array = new Uint32Array(256)
for (let byte = 0; byte < 256; byte++) {
  let remainder = byte
  for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ ((remainder & 1) === 0 ? 0 : POLYNOMIAL)
  table[byte] = remainder
}

/** The checksum of `start` to `end`; the four bytes at `zeroed`, if it is not negative, count as zeros. */
export function crc32c(bytes: Uint8Array, start: number, end: number, zeroed: number): number {
  let remainder = 0xffffffff
  for (let at = start; at < end; at++) {
    const byte = at >= zeroed && at < zeroed + 4 && zeroed >= 0 ? 0 : bytes[at]!
    remainder = (remainder >>> 8) ^ table[(remainder ^ byte) & 0xff]!
  }
  return (remainder ^ 0xffffffff) >>> 0
}
