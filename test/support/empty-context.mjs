/**
 * Runs with --experimental-vm-modules: loads the built core into a context that has the language and nothing
 * else, and answers over standard output what it did there. Any use of Buffer, TextDecoder, process, a timer
 * or an import from outside the core fails.
 */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createContext, SourceTextModule } from 'node:vm'

const dist = fileURLToPath(new URL('../../dist', import.meta.url))
const context = createContext({})
const modules = new Map()

function load(path) {
  if (!modules.has(path)) {
    modules.set(path, new SourceTextModule(readFileSync(path, 'utf8'), { context, identifier: path }))
  }
  return modules.get(path)
}

function link(specifier, from) {
  if (!specifier.startsWith('.')) throw new Error(`${from.identifier} imports ${specifier}`)
  return load(join(dirname(from.identifier), specifier))
}

const program = new SourceTextModule(
  readFileSync(new URL('empty-context-program.js', import.meta.url), 'utf8'),
  {
    context,
    identifier: join(dist, 'program.js'),
  },
)
await program.link(link)
await program.evaluate()
process.stdout.write(JSON.stringify(program.namespace.result))
