/** Debian's python3-websockets, a client of version 13. */
import { connectProgram } from './support/peer.ts'
import { type Connect, testClient } from './support/peer-cases.ts'

const connect: Connect = (t, ...rest) => connectProgram(t, 'client.py', ...rest)

testClient('python3-websockets', '13', connect, {
  binary: true,
  ping: true,
  fragments: true,
  close: 'codes',
  tls: true,
  deflate: true,
  origin: true,
  protocols: true,
})
