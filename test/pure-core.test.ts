/** The built core runs where there is nothing but the language: no Buffer, no TextDecoder, no process, no clock. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

interface Result {
  globals: string[]
  verdicts: number[]
  request: { method: string; target: string; host: string; body: string }
  answer: string
  accept: string
  frames: string[]
  echo: number[]
  lines: string[]
  sessionLog: string[]
}

test('the core sniffs, parses, echoes and has sessions in an empty context', () => {
  const script = fileURLToPath(new URL('support/empty-context.mjs', import.meta.url))
  const output = execFileSync(process.execPath, ['--experimental-vm-modules', '--no-warnings', script], {
    encoding: 'utf8',
  })
  const result = JSON.parse(output) as Result
  assert.deepEqual(result.globals, ['undefined', 'undefined', 'undefined', 'undefined', 'undefined'])
  assert.deepEqual(result.verdicts, [1, 2, 3, 4])
  assert.deepEqual(result.request, { method: 'POST', target: '/x', host: 'a.example', body: 'hello' })
  assert.match(result.answer, /^HTTP\/1\.1 200 OK\r\n/)
  // RFC 6455 §1.3
  assert.equal(result.accept, 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=')
  assert.deepEqual(result.frames, ['Hello'])
  // RFC 6455 §5.7
  assert.deepEqual(result.echo, [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f])
  assert.deepEqual(result.lines, ['one', 'two'])
  assert.deepEqual(result.sessionLog, [
    '~m~22~m~AAAAAAAAAAAAAAAAAAAAAA',
    'connected',
    '~m~6~m~hello!',
    'send',
  ])
})
