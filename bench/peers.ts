/** The packages that portmanteau is measured against, installed by the first run. */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('peers/', import.meta.url))
const requirePeer = createRequire(new URL('peers/package.json', import.meta.url))

export function installPeers(): void {
  if (existsSync(`${folder}node_modules`)) return
  process.stderr.write('Installing the peers, once …\n')
  execFileSync('npm', ['ci', '--silent'], {
    cwd: folder,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  })
}

export function loadPeer(path: string): never {
  return requirePeer(path) as never
}

export function peerVersions(): Record<string, string> {
  const manifest = requirePeer('./package.json') as { dependencies: Record<string, string> }
  return manifest.dependencies
}
