/** Masking where there is no WebAssembly: byte by byte and by words. */
import { maskingHolds } from './support/masking.ts'

Reflect.deleteProperty(globalThis, 'WebAssembly')

maskingHolds([
  ...Array(33).keys(),
  63,
  64,
  95,
  96,
  97,
  103,
  104,
  125,
  160,
  161,
  167,
  168,
  300,
  1024,
  4096,
  5000,
])
