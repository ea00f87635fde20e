import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Server } from '../src/index.ts'
import { startSender } from './support/datagrams.ts'
import { join, serve, until } from './support/serving.ts'
import { closedPort } from './support/targets.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

async function run(program: string): Promise<string> {
  const args = ['--import', 'tsx', '--input-type=module', '--eval', program]
  return (await promisify(execFile)(process.execPath, args, { cwd: root, timeout: 15_000 })).stdout
}

test('what listens beside the server keeps the process only as long as it does', async () => {
  const port = await closedPort()
  const options = JSON.stringify({ udp: true, flashPolicy: [{ domain: '*' }], flashPolicyPort: port })
  for (const [before, after] of [
    ['.unref()', ''],
    ['', '.unref()'],
  ]) {
    const program = `
      import { Server } from './src/index.ts'
      const server = new Server(${options})${before}
      server.listen(0, '127.0.0.1', () => { server${after}; console.log('listening') })`
    assert.equal(await run(program), 'listening\n')
  }
})

test('it keeps the process otherwise', async () => {
  const program = `
    import { Server } from './src/index.ts'
    const server = new Server({ udp: true }).unref().ref()
    server.listen(0, '127.0.0.1', () => setTimeout(() => { console.log('still here'); server.close() }, 50).unref())`
  assert.equal(await run(program), 'still here\n')
})

test('it opens and closes with the server, each time', async (t) => {
  const flashPolicyPort = await closedPort()
  const serving = await serve(t, { udp: true, flashPolicy: [{ domain: '*' }], flashPolicyPort })
  for (let round = 0; round < 3; round++) {
    const flash = await join(t, flashPolicyPort)
    await flash.receives('</cross-domain-policy>')
    const sender = await startSender(t, serving.port)
    await until(() => {
      void sender.send('hello')
      return sender.texts.includes('hello')
    })
    flash.finish()
    const closed = once(serving.server, 'close')
    serving.server.close()
    await closed
    await assert.rejects(join(t, flashPolicyPort), { code: 'ECONNREFUSED' })
    assert.equal(serving.server.stats().udp, undefined)
    serving.server.listen(serving.port, '127.0.0.1')
    await once(serving.server, 'listening')
  }
})

test('on a socket of the file system there is nothing beside it', async (t) => {
  const server = new Server({ udp: true })
  t.after(() => server.close())
  server.listen(`\0portmanteau-${process.pid}`)
  await once(server, 'listening')
  assert.equal(server.stats().udp, undefined)
})
