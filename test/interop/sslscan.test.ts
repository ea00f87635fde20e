/** What sslscan finds on the port, with two hundred handshakes of every kind, most of them meant to fail. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { ServerOptions } from 'portmanteau'
import { certificate, type Serving, serve, until } from '../support/serving.ts'
import { curlAnswer, nc } from './support/clients.ts'
import { startProgram } from './support/programs.ts'

interface Scan {
  /** Whether a version is taken, by its name. */
  readonly versions: Record<string, boolean>
  readonly output: string
}

/** Scans the port, while a client keeps talking to it. */
async function scan(t: TestContext, serving: Serving): Promise<Scan> {
  const args = ['--no-colour', '--sni-name=a.example', `127.0.0.1:${serving.port}`]
  const sslscan = startProgram(t, 'sslscan', 'sslscan', args)
  const client = nc(t, serving.port)
  let said = 0
  do {
    client.write(`${said} while it is scanned\n`)
    await client.says(`${said} while it is scanned\n`)
    said++
  } while (sslscan.running)
  assert.equal((await sslscan.ends()).code, 0, sslscan.describe())
  const found = sslscan.stdout.matchAll(/^((?:SSL|TLS)v[\d.]+) +(enabled|disabled)$/gm)
  const versions = Object.fromEntries(Array.from(found, ([, name, state]) => [name, state === 'enabled']))
  return { versions, output: sslscan.stdout }
}

async function stillServes(t: TestContext, { server, port }: Serving, scheme: string): Promise<void> {
  const { body } = await curlAnswer(t, ['-k', '-d', 'still served', `${scheme}://127.0.0.1:${port}/`])
  assert.equal(body, 'still served')
  await until(() => server.stats().handshaking === 0 && server.stats().sniffing === 0)
}

/** What was reported, but for connections that sslscan has reset. */
function errorsOf({ errors }: Serving): Set<string> {
  return new Set(errors.filter((code) => code !== 'ECONNRESET'))
}

const OLD = { SSLv2: false, SSLv3: false, 'TLSv1.0': false, 'TLSv1.1': false }

test('by default: TLS 1.2 and 1.3 and none before, nothing weak, and everybody is served meanwhile', async (t) => {
  const serving = await serve(t, certificate)
  const { versions, output } = await scan(t, serving)
  assert.deepEqual(versions, { ...OLD, 'TLSv1.2': true, 'TLSv1.3': true })
  assert.match(output, /^Server supports TLS Fallback SCSV$/m)
  assert.doesNotMatch(output, /(?<!not )vulnerable to heartbleed/)
  assert.doesNotMatch(output, /Compression enabled|Insecure session renegotiation/i)
  assert.doesNotMatch(output, /^(?:Accepted|Preferred) .*(?:RC4|DES|NULL|EXP|anon|MD5)/m)
  assert.match(output, /^Preferred TLSv1\.3 /m)
  assert.match(output, /^Altnames: .*DNS:localhost/m)

  const { verdicts, accepted, timeouts } = serving.server.stats()
  assert.ok(verdicts.tls! > 50 && accepted > 50, `${verdicts.tls} handshakes`)
  assert.ok(verdicts.sslv2! > 0, 'SSL 2.0 was not recognised')
  assert.equal(verdicts.raw, 1, 'a hello was taken for lines')
  assert.equal(timeouts, 0)
  assert.deepEqual(errorsOf(serving), new Set(['ERR_SSLV2', 'ERR_TLS_HANDSHAKE']))
  await stillServes(t, serving, 'https')
})

test('TLS 1.0 and 1.1 where the server allows them, and never SSL', async (t) => {
  const options: ServerOptions = { ...certificate, minVersion: 'TLSv1', ciphers: 'DEFAULT:@SECLEVEL=0' }
  const serving = await serve(t, options)
  const { versions } = await scan(t, serving)
  assert.deepEqual(versions, {
    SSLv2: false,
    SSLv3: false,
    'TLSv1.0': true,
    'TLSv1.1': true,
    'TLSv1.2': true,
    'TLSv1.3': true,
  })
  await stillServes(t, serving, 'https')
})

test('without a certificate: no version at all', async (t) => {
  const serving = await serve(t)
  const { versions } = await scan(t, serving)
  assert.deepEqual(versions, { ...OLD, 'TLSv1.2': false, 'TLSv1.3': false })
  assert.deepEqual(errorsOf(serving), new Set(['ERR_SSLV2', 'ERR_TLS_UNAVAILABLE']))
  await stillServes(t, serving, 'http')
})
