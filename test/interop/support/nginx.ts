import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { Child, findTool, PATIENCE_MS } from './process.ts'

/**
 * Debian's nginx in front of a backend, for one test, on a socket in a folder of its own: a path, unlike a port,
 * cannot be taken by another program between its choice and its use. Resolves to that path.
 *
 * It reads a request, body and all, before it connects to the backend (proxy_request_buffering), so that what is
 * a request is decided by its own reading.
 *
 * @param backendPort where the backend listens on the loopback address
 */
export async function startNginx(t: TestContext, backendPort: number): Promise<string> {
  const path = findTool(['nginx', '/usr/sbin/nginx'], 'nginx-light')
  const folder = await mkdtemp(join(tmpdir(), 'portmanteau-'))
  await Promise.all(TEMPORARY.map((name) => mkdir(join(folder, name))))
  const file = join(folder, 'nginx.conf')
  const socket = join(folder, 'nginx.sock')
  await writeFile(file, configuration(folder, socket, backendPort))
  const nginx = new Child(t, 'nginx', path, ['-p', folder, '-e', 'stderr', '-c', file])
  t.after(async () => {
    await nginx.cut()
    await rm(folder, { recursive: true, force: true })
  })
  await accepting(nginx, socket)
  return socket
}

const TEMPORARY = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']

/** One process, in the foreground: what ends it ends all of it. */
function configuration(folder: string, socket: string, backendPort: number): string {
  return `
    daemon off;
    master_process off;
    pid ${folder}/nginx.pid;
    events { worker_connections 1024; }
    http {
      access_log off;
      ${TEMPORARY.map((name) => `${name}_temp_path ${folder}/${name};`).join('\n')}
      client_max_body_size 16m;
      large_client_header_buffers 4 16k;
      server {
        listen unix:${socket};
        location / {
          proxy_pass http://127.0.0.1:${backendPort};
          proxy_http_version 1.1;
          proxy_request_buffering on;
          proxy_buffer_size 64k;
          proxy_buffers 4 64k;
          proxy_set_header Host a;
        }
      }
    }
  `
}

/** Waits until it takes connections. */
async function accepting(nginx: Child, path: string): Promise<void> {
  const late = Date.now() + PATIENCE_MS
  while (!(await accepts(path))) {
    if (Date.now() > late || !nginx.running) throw new Error(`Cannot reach nginx\n${nginx.describe()}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

async function accepts(path: string): Promise<boolean> {
  const socket = connect(path)
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
