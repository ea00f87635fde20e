import assert from 'node:assert/strict'
import { Duplex } from 'node:stream'
import { test } from 'node:test'
import type { Endpoint } from '../src/node/endpoint.ts'
import { Admission } from '../src/node/reception/admission.ts'
import { turn } from './support/wire.ts'

function socket(): Duplex {
  return new Duplex({ read() {}, write() {} })
}

function at(remoteAddress: string | undefined): Endpoint {
  return { remoteAddress }
}

test('so many from one address, until one of them closes', async () => {
  const admission = new Admission(2)
  const sockets = [socket(), socket()]
  for (const each of sockets) assert.equal(admission.admit(each, at('192.0.2.1')), true)
  assert.equal(admission.admit(socket(), at('192.0.2.1')), false)
  assert.equal(admission.admit(socket(), at('192.0.2.2')), true)
  sockets[0]!.destroy()
  await turn()
  assert.equal(admission.admit(sockets[0]!, at('192.0.2.1')), true)
  assert.equal(admission.admit(socket(), at('192.0.2.1')), false)
})

test('one that was not let in does not count', async () => {
  const admission = new Admission(1)
  const [kept, dropped] = [socket(), socket()]
  assert.equal(admission.admit(kept, at('192.0.2.1')), true)
  assert.equal(admission.admit(dropped, at('192.0.2.1')), false)
  dropped.destroy()
  await turn()
  assert.equal(admission.admit(socket(), at('192.0.2.1')), false)
})

test('an address is the same however it is written', () => {
  const admission = new Admission(1)
  assert.equal(admission.admit(socket(), at('::ffff:192.0.2.1')), true)
  assert.equal(admission.admit(socket(), at('192.0.2.1')), false)
  assert.equal(admission.admit(socket(), at('fe80::1%eth0')), true)
  assert.equal(admission.admit(socket(), at('fe80::1%eth1')), false)
})

test('who has no address is not counted, and without a limit nobody is', () => {
  const admission = new Admission(1)
  for (let count = 0; count < 3; count++) assert.equal(admission.admit(socket(), at(undefined)), true)
  const unlimited = new Admission(Number.POSITIVE_INFINITY)
  const one = socket()
  for (let count = 0; count < 3; count++) assert.equal(unlimited.admit(one, at('192.0.2.1')), true)
  assert.equal(one.listenerCount('close'), 0)
  const untold = {
    get remoteAddress(): string {
      return assert.fail('it is not asked')
    },
  }
  assert.equal(unlimited.admit(one, untold), true)
})

test('names of Object.prototype are addresses as any other', () => {
  const admission = new Admission(1)
  assert.equal(admission.admit(socket(), at('__proto__')), true)
  assert.equal(admission.admit(socket(), at('__proto__')), false)
})
