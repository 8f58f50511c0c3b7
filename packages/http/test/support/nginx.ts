import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '@mcpwire/test-support/ports'
import { nginxProgram } from '@mcpwire/test-support/system-packages'
import { onTestFinished, vi } from 'vitest'

/** Starts an nginx with default buffering and an idle timeout in front of a port. Returns its port. */
export async function nginxBefore(port: number, idleCutSeconds: number): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'mcpwire-nginx-'))
  const own = await freePort()
  writeFileSync(
    join(folder, 'nginx.conf'),
    `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log;
    events {}
    http {
      access_log off;
      client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/f;
      uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
      server {
        listen 127.0.0.1:${own};
        location / {
          proxy_pass http://127.0.0.1:${port};
          proxy_http_version 1.1;
          proxy_set_header Connection '';
          proxy_set_header Host $http_host;
          proxy_read_timeout ${idleCutSeconds}s;
        }
      }
    }`,
  )
  const nginx: ChildProcess = spawn(nginxProgram.path, ['-p', folder, '-c', join(folder, 'nginx.conf')], {
    stdio: 'ignore',
  })
  onTestFinished(async () => {
    nginx.kill()
    if (nginx.exitCode === null && nginx.signalCode === null) await once(nginx, 'close')
    rmSync(folder, { recursive: true, force: true })
  })
  await vi.waitFor(() => reachable(own))
  return own
}

async function reachable(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
  } finally {
    socket.destroy()
  }
}
