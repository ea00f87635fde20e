/** Debian's ruby-em-websocket, a server of every version, for our client. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { selfSignedCertificate } from 'portmanteau'
import { startProgram } from './support/peer.ts'
import { type StartServer, testServer } from './support/server-cases.ts'

async function startServer(t: TestContext, scheme: string, ...args: string[]): Promise<string> {
  const server = startProgram(t, 'server.rb', ...args)
  const port = await server.until('the port', ({ stdout }) => /"port":(\d+)/.exec(stdout)?.[1])
  return `${scheme}://127.0.0.1:${port}/any/path`
}

const plain: StartServer = (t) => startServer(t, 'ws')

const secret: StartServer = async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'portmanteau-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const { key, cert } = selfSignedCertificate()
  const files = [join(folder, 'key.pem'), join(folder, 'cert.pem')] as const
  await writeFile(files[0], key)
  await writeFile(files[1], cert)
  return startServer(t, 'wss', ...files)
}

// It reads a hixie message from its start again with each piece that comes.
const HIXIE_75 = { large: 131_072 } as const
const HIXIE_76 = { ...HIXIE_75, close: 'handshake', closesByTcp: true } as const
const HYBI = { binary: true, ping: true } as const

testServer('em-websocket', 'hixie-75', plain, HIXIE_75)
testServer('em-websocket', 'hixie-76', plain, HIXIE_76)
testServer('em-websocket', 'hybi-03', plain, { ...HYBI, close: 'handshake' })
testServer('em-websocket', '7', plain, { ...HYBI, close: 'codes' })
testServer('em-websocket', '8', plain, { ...HYBI, close: 'codes' })
testServer('em-websocket', '13', plain, { ...HYBI, close: 'codes' })
testServer('em-websocket by wss', 'hixie-76', secret, HIXIE_76)
testServer('em-websocket by wss', '13', secret, { ...HYBI, close: 'codes' })
