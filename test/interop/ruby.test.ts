/**
 * Debian's ruby-websocket, a client of six versions. It has no fragments to send, and no permessage-deflate. In 76 and
 * 03 it offers subprotocols in the field of 75, and expects the choice in that of 76.
 */
import { connectProgram } from './support/peer.ts'
import { type Abilities, type Connect, testClient } from './support/peer-cases.ts'

const connect: Connect = (t, ...rest) => connectProgram(t, 'client.rb', ...rest)

const ANY: Abilities = { origin: true, protocols: true }
const HIXIE_KEYS: Abilities = { origin: true, tls: true, deliveries: ['late', 'split', 'glued'] }
const RFC_FRAMES: Abilities = { ...ANY, binary: true, ping: true, close: 'codes', deliveries: ['glued'] }

testClient('ruby-websocket', '75', connect, { ...ANY, deliveries: ['glued'] })
testClient('ruby-websocket', '76', connect, { ...HIXIE_KEYS, close: 'handshake' })
testClient('ruby-websocket', '3', connect, { ...HIXIE_KEYS, binary: true, ping: true, close: 'handshake' })
testClient('ruby-websocket', '7', connect, RFC_FRAMES)
testClient('ruby-websocket', '8', connect, RFC_FRAMES)
testClient('ruby-websocket', '13', connect, { ...RFC_FRAMES, tls: true })
