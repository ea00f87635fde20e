import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { checkLimit } from '../src/sessions/errors.ts'
import { SessionError, sessionErrorCodes } from '../src/sessions/index.ts'

test('every code leads to a status and to a close code that may be sent', () => {
  for (const code of sessionErrorCodes) {
    const error = new SessionError(code, 'Cannot read the message: x')
    assert.equal(error.code, code)
    assert.equal(error.name, 'SessionError')
    assert.ok(error.status >= 400 && error.status <= 503, code)
    assert.ok(error.closeCode >= 1001 && error.closeCode <= 1013, code)
    assert.match(code, /^ERR_SESSION_[A-Z_]+$/)
  }
})

test('every code is used, and none besides', () => {
  const folder = new URL('../src/sessions/', import.meta.url)
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  const used = new Set<string>()
  for (const file of files.filter((name) => name.endsWith('.ts') && name !== 'errors.ts')) {
    for (const [code] of readFileSync(new URL(file, folder), 'utf8').matchAll(/\bERR_SESSION_[A-Z_]+\b/g))
      used.add(code)
  }
  assert.deepEqual([...used].sort(), [...sessionErrorCodes].sort())
})

test('a limit is a whole number or Infinity', () => {
  assert.equal(checkLimit('x', 5, 1), 5)
  assert.equal(checkLimit('x', Number.POSITIVE_INFINITY, 1), Number.POSITIVE_INFINITY)
  for (const value of [0, -1, 1.5, Number.NaN, Number.NEGATIVE_INFINITY, 2 ** 53])
    assert.throws(() => checkLimit('x', value, 1), {
      code: 'ERR_SESSION_OPTION',
      message: `Cannot use the option x: ${value} is not an integer from 1 up`,
    })
})
