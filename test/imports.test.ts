import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const SOURCES = fileURLToPath(new URL('../src', import.meta.url))
const CORE = ['sniff', 'http', 'ws-codec', 'raw', 'sessions']

/** Who may import whom, besides itself: docs/architecture.md. */
const ALLOWED: Record<string, readonly string[]> = {
  compat: ['index'],
  cli: ['index', 'room'],
  room: ['index'],
  index: ['server', 'node'],
  server: ['node'],
  node: CORE,
  sniff: [],
  http: [],
  raw: [],
  'ws-codec': [],
  sessions: [],
}
const TYPES_ONLY: Record<string, readonly string[]> = { 'ws-codec': ['http'], sessions: ['http'] }

interface Import {
  file: string
  specifier: string
  typeOnly: boolean
}

function sourceFiles(): string[] {
  return readdirSync(SOURCES, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(SOURCES, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')
  const found: Import[] = []
  const statement = /^\s*(?:import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?'([^']+)'/gm
  for (const [, type, specifier] of text.matchAll(statement)) {
    found.push({ file, specifier: specifier!, typeOnly: type !== undefined })
  }
  for (const [, specifier] of text.matchAll(/\bimport\(\s*['"]([^'"]+)['"]/g)) {
    found.push({ file, specifier: specifier!, typeOnly: false })
  }
  return found
}

/** The folder below src, or the name of a file that lies there itself. */
function layerOf(file: string): string {
  const [first] = file.split('/')
  return first!.replace(/\.ts$/, '')
}

function violation({ file, specifier, typeOnly }: Import): string | undefined {
  const layer = layerOf(file)
  const external = !specifier.startsWith('.')
  if (external) {
    if (CORE.includes(layer)) return `${file} is core, and imports ${specifier}`
    return specifier.startsWith('node:') ? undefined : `${file} depends on ${specifier}`
  }
  const target = layerOf(relative(SOURCES, resolve(SOURCES, dirname(file), specifier)))
  if (target === layer || ALLOWED[layer]?.includes(target)) return undefined
  if (typeOnly && TYPES_ONLY[layer]?.includes(target)) return undefined
  return `${file} must not import ${specifier}`
}

test('every import goes the way that the architecture allows', () => {
  const imports = sourceFiles().flatMap(importsOf)
  assert.ok(imports.length > 50, `only ${imports.length} imports were found`)
  assert.deepEqual(
    imports.map(violation).filter((text) => text !== undefined),
    [],
  )
})

test('the rule itself can tell', () => {
  const refused: Import[] = [
    { file: 'sniff/sniffer.ts', specifier: 'node:buffer', typeOnly: false },
    { file: 'sniff/sniffer.ts', specifier: '../http/index.ts', typeOnly: false },
    { file: 'http/body.ts', specifier: '../node/connection.ts', typeOnly: true },
    { file: 'ws-codec/handshake.ts', specifier: '../http/index.ts', typeOnly: false },
    { file: 'node/connection.ts', specifier: '../server.ts', typeOnly: false },
    { file: 'cli.ts', specifier: './node/connection.ts', typeOnly: false },
    { file: 'compat/wesos/server.ts', specifier: '../../server.ts', typeOnly: true },
    { file: 'server.ts', specifier: 'left-pad', typeOnly: false },
  ]
  for (const each of refused) assert.notEqual(violation(each), undefined, `${each.file} → ${each.specifier}`)
  assert.equal(
    violation({ file: 'ws-codec/handshake.ts', specifier: '../http/index.ts', typeOnly: true }),
    undefined,
  )
  assert.equal(
    violation({ file: 'node/http/session.ts', specifier: '../connection.ts', typeOnly: false }),
    undefined,
  )
})

test('there is no runtime dependency', () => {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  assert.equal(manifest.dependencies, undefined)
  assert.equal(manifest.peerDependencies, undefined)
  assert.equal(manifest.optionalDependencies, undefined)
})
