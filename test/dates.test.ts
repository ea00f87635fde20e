import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Deadlines } from '../src/node/limits/deadlines.ts'
import { Dates } from '../src/node/reception/dates.ts'

/** A clock that only goes when the test says so. */
function coarseClock(context: TestContext): Deadlines {
  const deadlines = new Deadlines(Number.POSITIVE_INFINITY)
  const member = { deadline: Number.POSITIVE_INFINITY, expire() {} }
  deadlines.add(member)
  context.after(() => deadlines.remove(member))
  return deadlines
}

test('the date is that of the second, and follows the coarse clock', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.UTC(1994, 10, 6, 8, 49, 37) })
  const deadlines = coarseClock(t)
  const dates = new Dates(deadlines)
  assert.equal(dates.date(), 'Sun, 06 Nov 1994 08:49:37 GMT')
  t.mock.timers.setTime(Date.UTC(1994, 10, 6, 8, 49, 38))
  assert.equal(dates.date(), 'Sun, 06 Nov 1994 08:49:37 GMT', 'the coarse clock has not moved')
  deadlines.now++
  assert.equal(dates.date(), 'Sun, 06 Nov 1994 08:49:38 GMT')
})

test('how plain answers begin is made once a second', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.UTC(1994, 10, 6, 8, 49, 37) })
  const deadlines = coarseClock(t)
  const dates = new Dates(deadlines)
  const start = dates.plainStart('text')
  assert.match(
    String(start),
    /^HTTP\/1\.1 200 OK\r\n(?:.*\r\n)*Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n(?:.*\r\n)*Content-Length: $/,
  )
  deadlines.now++
  assert.equal(dates.plainStart('text'), start)
  t.mock.timers.setTime(Date.UTC(1994, 10, 6, 8, 49, 38))
  deadlines.now++
  assert.notEqual(dates.plainStart('text'), start)
  assert.match(String(dates.plainStart('empty')), /:38 GMT/)
})

test('where the coarse clock stands it is the clock', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.UTC(1994, 10, 6, 8, 49, 37) })
  const dates = new Dates(new Deadlines(1_000))
  assert.match(dates.date(), /:37 GMT$/)
  t.mock.timers.setTime(Date.UTC(1994, 10, 6, 9, 0, 0))
  assert.match(dates.date(), /09:00:00 GMT$/)
})
