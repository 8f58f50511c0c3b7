import { runNginx } from '@mcpwire/test-support/nginx'
import { freePort } from '@mcpwire/test-support/ports'

/** Starts an nginx with default buffering and an idle timeout in front of a port. Returns its port. */
export async function nginxBefore(port: number, idleCutSeconds: number): Promise<number> {
  const own = await freePort()
  await runNginx(
    `server {
      listen 127.0.0.1:${own};
      location / {
        proxy_pass http://127.0.0.1:${port};
        proxy_http_version 1.1;
        proxy_set_header Connection '';
        proxy_set_header Host $http_host;
        proxy_read_timeout ${idleCutSeconds}s;
      }
    }`,
    own,
  )
  return own
}
