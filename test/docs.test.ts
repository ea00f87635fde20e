import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { resolveOptions } from '../src/node/limits/options.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}

function sources(): string {
  const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  return files
    .filter((file) => file.endsWith('.ts'))
    .map((file) => read(`src/${file}`))
    .join('\n')
}

function codes(text: string): string[] {
  return [...new Set(text.match(/\bERR_[A-Z0-9_]+\b/g))].sort()
}

test('docs/errors.md lists exactly the codes that the sources have', () => {
  // The command's own, and two of Node's.
  const foreign = new Set(['ERR_UNKNOWN', 'ERR_BUFFER_TOO_LARGE', 'ERR_HTTP_REQUEST_TIMEOUT'])
  const known = (code: string) => !foreign.has(code) && !code.endsWith('_')
  assert.deepEqual(codes(read('docs/errors.md')).filter(known), codes(sources()).filter(known))
})

test('docs/limits.md gives each limit its default', () => {
  const text = read('docs/limits.md')
  const MIB = 1024 * 1024
  for (const [name, value] of Object.entries(resolveOptions({}))) {
    if (typeof value !== 'number') continue
    const shown =
      value === Number.POSITIVE_INFINITY
        ? 'none'
        : value >= MIB
          ? `${value / MIB} MiB`
          : value.toLocaleString('en-US')
    assert.ok(text.includes(`| \`${name}\` | ${shown} |`), `${name} is ${shown}`)
  }
})

test('every option is documented', () => {
  const text = read('docs/limits.md') + read('docs/server.md')
  // What is worked out of several, and is no option itself.
  const derived = new Set(['rawFraming', 'http1'])
  for (const name of Object.keys(resolveOptions({}))) {
    if (!derived.has(name)) assert.ok(text.includes(`\`${name}\``), name)
  }
})

test('every relative link leads somewhere', () => {
  for (const file of [
    'README.md',
    'CONTRIBUTING.md',
    'SECURITY.md',
    'docs/server.md',
    'docs/limits.md',
    'docs/protocols.md',
    'docs/http.md',
    'docs/door.md',
    'docs/migrating/README.md',
    'docs/migrating/portluck.md',
    'docs/migrating/socket.io.md',
    'docs/migrating/websocket-server.md',
    'docs/migrating/websocket.io.md',
    'docs/migrating/wesos.md',
  ]) {
    for (const [, target] of read(file).matchAll(/\]\((?!https?:)([^)#]+)\)/g)) {
      assert.ok(exists(join(root, file, '..', target!)), `${file}: ${target}`)
    }
  }
})

function exists(path: string): boolean {
  try {
    readFileSync(path)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EISDIR'
  }
}
