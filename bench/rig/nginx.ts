/** nginx in front of the service: as a plain proxy, or asking Tessera about each request. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../test/support/free-port.ts';
import { startProgram } from './child.ts';
import { listening } from './listening.ts';
import type { RunningProxy } from './proxies.ts';

export interface NginxOptions {
  /** An empty folder that does not exist yet. */
  readonly folder: string;
  readonly upstreamPort: string;
  /** Port of the platform listener that is asked about each request. Without it nothing is checked. */
  readonly authPort?: number;
}

export async function startNginx({ folder, upstreamPort, authPort }: NginxOptions): Promise<RunningProxy> {
  mkdirSync(folder);
  const port = await freePort();
  const file = join(folder, 'nginx.conf');
  writeFileSync(file, configuration(port, upstreamPort, authPort));
  const program = startProgram('nginx', {
    core: 'server',
    args: ['-p', folder, '-c', file, '-e', join(folder, 'error.log')],
    log: join(folder, 'error.log'),
  });
  await listening(port, program);
  return { pid: program.pid, port, stop: program.stop };
}

/** One process is master and worker: the loop is that of a worker, and there is one process to watch. */
function configuration(port: number, upstreamPort: string, authPort: number | undefined): string {
  return `daemon off;
master_process off;
worker_processes 1;
pid nginx.pid;
worker_rlimit_nofile 16384;
events { worker_connections 8192; }
http {
  access_log off;
  client_body_temp_path client;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  keepalive_requests 100000;
  proxy_http_version 1.1;
  upstream service { server 127.0.0.1:${upstreamPort}; keepalive 1024; keepalive_requests 100000; }
${authPort === undefined ? '' : `  upstream tessera { server 127.0.0.1:${authPort}; keepalive 1024; keepalive_requests 100000; }\n`}
  server {
    listen 127.0.0.1:${port};
    location / {
${authPort === undefined ? '' : ASKING}      proxy_set_header Connection "";
      proxy_pass http://service;
    }
${authPort === undefined ? '' : ASKED}  }
}
`;
}

const ASKING = `      auth_request /_tessera;
      auth_request_set $token_id $upstream_http_x_tessera_token_id;
      proxy_set_header X-Tessera-Token-Id $token_id;
      proxy_set_header Authorization "";
`;

const ASKED = `    location = /_tessera {
      internal;
      proxy_pass http://tessera/forward-auth;
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
      proxy_set_header Connection "";
      proxy_set_header X-Forwarded-Method $request_method;
      proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Uri $request_uri;
      proxy_set_header X-Forwarded-For $remote_addr;
    }
`;
