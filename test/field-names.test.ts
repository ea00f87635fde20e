import assert from 'node:assert/strict'
import { test } from 'node:test'
import { knownFieldName } from '../src/http/request/field-names.ts'
import { bytes } from './support/splits.ts'

const known = (name: string) => knownFieldName(bytes(`..${name}..`), 2, 2 + name.length)

test('names that requests have are found in every case of their letters', () => {
  for (const name of [
    'host',
    'te',
    'cookie',
    'content-length',
    'sec-fetch-site',
    'sec-fetch-mode',
    'x-request-id',
  ]) {
    assert.equal(known(name), name)
    assert.equal(known(name.toUpperCase()), name)
    assert.equal(known(name.replace(/(^|-)[a-z]/g, (start) => start.toUpperCase())), name)
  }
})

test('what is not quite such a name is none, though it fall in the same bucket', () => {
  for (const name of [
    '',
    'h',
    'hosts',
    'hust',
    'h\x4fst\x00',
    'x-',
    'tf',
    'cookie2',
    'content.length',
    'user_agent',
  ])
    assert.equal(known(name), '', JSON.stringify(name))
  for (const other of ['\x08ost', '(ost', 'ho\x13t', 'hos\x14', 'hos4']) assert.equal(known(other), '')
})

test('names of Object.prototype are none', () => {
  for (const name of Object.getOwnPropertyNames(Object.prototype)) assert.equal(known(name), '', name)
})
