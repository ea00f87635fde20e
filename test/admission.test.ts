import assert from 'node:assert/strict'
import { Duplex } from 'node:stream'
import { test } from 'node:test'
import { Admission } from '../src/node/reception/admission.ts'
import { turn } from './support/wire.ts'

function socket(): Duplex {
  return new Duplex({ read() {}, write() {} })
}

test('so many from one address, until one of them closes', async () => {
  const admission = new Admission(2)
  const sockets = [socket(), socket()]
  for (const each of sockets) assert.equal(admission.admit(each, '192.0.2.1'), true)
  assert.equal(admission.admit(socket(), '192.0.2.1'), false)
  assert.equal(admission.admit(socket(), '192.0.2.2'), true)
  sockets[0]!.destroy()
  await turn()
  assert.equal(admission.admit(sockets[0]!, '192.0.2.1'), true)
  assert.equal(admission.admit(socket(), '192.0.2.1'), false)
})

test('one that was not let in does not count', async () => {
  const admission = new Admission(1)
  const [kept, dropped] = [socket(), socket()]
  assert.equal(admission.admit(kept, '192.0.2.1'), true)
  assert.equal(admission.admit(dropped, '192.0.2.1'), false)
  dropped.destroy()
  await turn()
  assert.equal(admission.admit(socket(), '192.0.2.1'), false)
})

test('an address is the same however it is written', () => {
  const admission = new Admission(1)
  assert.equal(admission.admit(socket(), '::ffff:192.0.2.1'), true)
  assert.equal(admission.admit(socket(), '192.0.2.1'), false)
  assert.equal(admission.admit(socket(), 'fe80::1%eth0'), true)
  assert.equal(admission.admit(socket(), 'fe80::1%eth1'), false)
})

test('who has no address is not counted, and without a limit nobody is', () => {
  const admission = new Admission(1)
  for (let count = 0; count < 3; count++) assert.equal(admission.admit(socket(), undefined), true)
  const unlimited = new Admission(Number.POSITIVE_INFINITY)
  const one = socket()
  for (let count = 0; count < 3; count++) assert.equal(unlimited.admit(one, '192.0.2.1'), true)
  assert.equal(one.listenerCount('close'), 0)
})

test('names of Object.prototype are addresses as any other', () => {
  const admission = new Admission(1)
  assert.equal(admission.admit(socket(), '__proto__'), true)
  assert.equal(admission.admit(socket(), '__proto__'), false)
})
