/** What is measured is compiled first, as it is shipped: dist/ may be older than the sources. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Builds the package and a server of the bench, by its path; returns the folder, which is the caller's to remove. */
export function build(server: string): string {
  const target = mkdtempSync(join(tmpdir(), 'portmanteau-bench-'))
  const root = fileURLToPath(new URL('../../', import.meta.url))
  const configuration = {
    extends: join(root, 'tsconfig.base.json'),
    compilerOptions: {
      types: ['node'],
      typeRoots: [join(root, 'node_modules/@types')],
      isolatedDeclarations: false,
      declaration: false,
      rootDir: root,
      outDir: target,
    },
    files: [join(root, server)],
  }
  writeFileSync(join(target, 'package.json'), '{ "type": "module" }')
  writeFileSync(join(target, 'tsconfig.json'), JSON.stringify(configuration))
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  execFileSync(process.execPath, [compiler, '-p', target], { cwd: root, stdio: ['ignore', 2, 2] })
  return target
}
