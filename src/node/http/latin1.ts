/** Node's decoder makes a string of a field in a fraction of the time of a loop; a head that came in pieces is no Buffer. */
export function decodeLatin1(bytes: Uint8Array, start: number, end: number): string {
  if (bytes instanceof Buffer) return bytes.toString('latin1', start, end)
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1')
}
