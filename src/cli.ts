#!/usr/bin/env node
/** The `portmanteau` command: a hub, or an echo, on one port. */
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { parseArgs } from 'node:util'
import { type Certificate, Server, type ServerOptions, selfSignedCertificate } from './index.ts'
import { type Member, Room, type RoomEvent } from './room.ts'

const USAGE = `portmanteau: one port that accepts every protocol

usage: portmanteau [options]

  --port N              the port to listen on, 0 for any free one (8080)
  --host ADDRESS        the address to listen on (all)
  --tls                 accept TLS too, with a certificate made for this run
  --cert F --key F      accept TLS too, with this certificate and key (PEM)
  --udp                 take datagrams on the same port number, too
  --echo                answer each client with its own message, instead of passing it to all others
  --json                print one JSON object a line
  --quiet               print nothing but errors
  --allow-origin HOST   a further origin that pages may come from, as *.example.com (repeatable)
  --version, --help
`

const DEFAULT_PORT = 8080
const SHUTDOWN_TIMEOUT = 1_000

/** The exit code of a command that was called wrongly, as shells have it. */
const WRONG_USE = 2

const { values: flags } = parse()

interface Flags {
  port?: string
  host?: string
  tls?: boolean
  udp?: boolean
  cert?: string
  key?: string
  echo?: boolean
  json?: boolean
  quiet?: boolean
  'allow-origin'?: string[]
  version?: boolean
  help?: boolean
}

function parse(): { values: Flags } {
  try {
    return parseArgs({
      options: {
        port: { type: 'string' },
        host: { type: 'string' },
        tls: { type: 'boolean' },
        udp: { type: 'boolean' },
        cert: { type: 'string' },
        key: { type: 'string' },
        echo: { type: 'boolean' },
        json: { type: 'boolean' },
        quiet: { type: 'boolean' },
        'allow-origin': { type: 'string', multiple: true },
        version: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    })
  } catch (error) {
    return fail((error as Error).message)
  }
}

function fail(message: string, code: number = WRONG_USE): never {
  process.stderr.write(`portmanteau: ${message}\n`)
  process.exit(code)
}

function readPort(text: string | undefined): number {
  if (text === undefined) return DEFAULT_PORT
  const port = Number(text)
  if (!/^[0-9]{1,5}$/.test(text) || port > 65_535) fail(`--port takes a number from 0 to 65535, not ${text}`)
  return port
}

function readFile(flag: string, path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    return fail(`${flag}: ${(error as Error).message}`)
  }
}

interface TlsFiles {
  options: Pick<ServerOptions, 'key' | 'cert'>
  fingerprint?: string
}

function readTls(): TlsFiles {
  if (flags.cert !== undefined && flags.key !== undefined) {
    return { options: { cert: readFile('--cert', flags.cert), key: readFile('--key', flags.key) } }
  }
  if (flags.cert !== undefined || flags.key !== undefined) fail('--cert and --key go together')
  if (!flags.tls) return { options: {} }
  const { key, cert, fingerprint }: Certificate = selfSignedCertificate()
  return { options: { key, cert }, fingerprint }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** What a peer sent must not steer the terminal that it is shown on. */
function printable(text: string): string {
  return text.replace(
    /[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}

function label(member: Member): string {
  return `${member.id.slice(0, 6)} ${member.protocol}${member.encrypted ? '+tls' : ''}`
}

function describe(event: RoomEvent): string {
  switch (event.event) {
    case 'join':
      return `+ ${label(event.client)} from ${event.client.address}`
    case 'leave':
      return `- ${event.id.slice(0, 6)}`
    case 'message':
      return `${label(event.from)}: ${event.text === undefined ? `(base64) ${event.base64}` : printable(event.text)}`
    case 'error':
      return `! ${event.code} ${event.address} ${printable(event.message)}`
  }
}

/** The events as `--json` prints them: flat, a client's fields beside the event's. */
function flatten(event: RoomEvent): object {
  if (event.event === 'join') return { event: 'join', ...event.client }
  if (event.event === 'message') {
    const { from, event: name, ...content } = event
    return { event: name, ...from, ...content }
  }
  return event
}

function show(event: RoomEvent): void {
  if (flags.quiet) return
  print(flags.json ? JSON.stringify(flatten(event)) : describe(event))
}

function announce(port: number, fingerprint: string | undefined, encrypts: boolean): void {
  if (flags.json) {
    const { udp = false, echo = false } = flags
    const listening = { event: 'listening', port, tls: encrypts, udp, echo }
    return print(JSON.stringify(fingerprint === undefined ? listening : { ...listening, fingerprint }))
  }
  if (flags.quiet) return
  const host =
    flags.host === undefined || flags.host === '0.0.0.0' || flags.host === '::' ? 'localhost' : flags.host
  const authority = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
  print(`portmanteau listening on port ${port}`)
  print('')
  print(`  browser    http://${authority}/`)
  print(`  curl       curl -d hello http://${authority}/`)
  print(`  lines      nc ${host} ${port}`)
  print(`  WebSocket  npx wscat -c ws://${authority}/`)
  if (flags.udp) print(`  datagrams  nc -u ${host} ${port}`)
  if (encrypts) {
    print(`  over TLS   https://${authority}/   wss://${authority}/   curl -k -d hello https://${authority}/`)
    print(`             openssl s_client -quiet -connect ${authority}`)
  }
  if (fingerprint !== undefined) print(`             certificate for this run, SHA-256 ${fingerprint}`)
  print('')
  print(flags.echo ? 'Each client is answered with its own messages.' : 'What one says, all others hear.')
  print('')
}

function main(): void {
  if (flags.help) return void process.stdout.write(USAGE)
  if (flags.version) {
    const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
    return print(JSON.parse(manifest).version)
  }
  const port = readPort(flags.port)
  const tls = readTls()
  // People sit in a room for long without a word.
  const options: ServerOptions = { ...tls.options, idleTimeout: Number.POSITIVE_INFINITY }
  if (flags.udp) options.udp = true
  if (flags['allow-origin'] !== undefined) options.allowOrigin = flags['allow-origin']
  let server: Server
  try {
    server = new Server(options)
  } catch (error) {
    fail((error as Error).message)
  }
  new Room(server, flags.echo === true, show)
  server.on('error', (error: Error) => fail(error.message, 1))
  server.listen({ port, host: flags.host }, () => {
    announce((server.address() as AddressInfo).port, tls.fingerprint, tls.options.key !== undefined)
  })
  const stop = () => void server.shutdown({ timeout: SHUTDOWN_TIMEOUT })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop)
  // Whoever read what it prints is gone (`portmanteau | head -1`): the clients are told, too.
  process.stdout.once('error', stop).on('error', () => {})
}

main()
