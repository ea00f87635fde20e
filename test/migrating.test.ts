/** The programs of docs/migrating, as they stand there; on ports of the system's choice. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = join(root, 'docs/migrating')
const SAMPLE = /```js\n([\s\S]*?)```/g

for (const page of readdirSync(folder)) {
  const text = readFileSync(join(folder, page), 'utf8')
  const samples = [...text.matchAll(SAMPLE)].map(([, program]) => program!)
  if (samples.length === 0) continue

  test(`${page} says how it was before`, () => {
    assert.match(samples[0]!, /^\/\/ before/)
    assert.match(samples[1]!, /^\/\/ after/)
  })

  for (const [at, program] of samples.entries()) {
    if (at === 0) continue
    test(`${page}: program ${at} runs as it stands`, () => {
      // What has no import goes on where the one before it ends.
      const whole = program.includes('import ') ? program : `${samples[at - 1]}${program}`
      const elsewhere = whole
        .replace(/listen\(\d+/g, 'listen(0')
        // By default it takes port 843, too.
        .replace('io.listen(server)', 'io.listen(server, { flashPolicyServer: false })')
      const ended = '\nsetTimeout(() => process.exit(), 50)\n'
      const { status, stderr } = spawnSync(
        process.execPath,
        ['--input-type=module', '-e', elsewhere + ended],
        {
          cwd: root,
          encoding: 'utf8',
        },
      )
      assert.deepEqual([status, stderr], [0, ''], whole)
    })
  }
}
