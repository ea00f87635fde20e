import type { TestContext } from 'node:test'

/** What listeners throw from now on, as a process hears of it that was told to go on; put back when the test ends. */
export function uncaught(t: TestContext): string[] {
  const caught: string[] = []
  const before = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', (error) => caught.push(error.message))
  t.after(() => {
    process.removeAllListeners('uncaughtException')
    for (const listener of before) process.on('uncaughtException', listener)
  })
  return caught
}
