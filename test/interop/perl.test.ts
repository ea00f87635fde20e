/** Debian's libprotocol-websocket-perl, a client of four versions. It has no permessage-deflate. */
import { connectProgram } from './support/peer.ts'
import { type Abilities, type Connect, testClient } from './support/peer-cases.ts'

const connect: Connect = (t, ...rest) => connectProgram(t, 'client.pl', ...rest)

const ANY: Abilities = { origin: true, protocols: true, deliveries: ['split', 'glued'] }
const RFC_FRAMES: Abilities = { ...ANY, binary: true, ping: true, fragments: true, close: 'codes' }

testClient('libprotocol-websocket-perl', '75', connect, ANY)
testClient('libprotocol-websocket-perl', '76', connect, { ...ANY, close: 'handshake' })
testClient('libprotocol-websocket-perl', '8', connect, RFC_FRAMES)
testClient('libprotocol-websocket-perl', '13', connect, RFC_FRAMES)
