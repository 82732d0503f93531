/** What every nginx of the tests has around its servers: it runs in a folder of its own, and keeps all that it writes there. */
export interface NginxFrame {
  readonly folder: string
  /** Undefined: whoever starts it. */
  readonly user: string | undefined
  /** Of the `http` block. */
  readonly http: string
}

export function nginxFrame({ folder, user, http }: NginxFrame): string {
  return `daemon off;
worker_processes 1;
pid nginx.pid;
error_log ${folder}/error.log info;
${user === undefined ? '' : `user ${user};`}
events { worker_connections 512; }
http {
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  ${http}
}
`
}
