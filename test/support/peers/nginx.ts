/** nginx, as an operator would set it up: the script is split off the path by fastcgi_split_path_info. */
import { nginxFrame } from './nginx-frame.ts'
import { backendAddress, type PeerDefinition } from './peer.ts'

export const nginx: PeerDefinition = {
  name: 'nginx',
  binary: 'nginx',
  args: ({ directory }) => ['-p', directory, '-c', 'nginx.conf', '-e', 'error.log'],
  configuration: ({ backend, directory, documentRoot, keepAlive, port, streaming, user }) => ({
    'nginx.conf': nginxFrame({
      folder: directory,
      user,
      http: `client_max_body_size 0;
  keepalive_requests 100000;
  upstream wasm {
    server ${backendAddress(backend, 'unix:')};
    ${keepAlive ? 'keepalive 8;' : ''}
  }
  server {
    listen 127.0.0.1:${port};
    root ${documentRoot};
    location ~ [^/]\\.wasm(/|$) {
      fastcgi_split_path_info ^(.+?\\.wasm)(/.*)?$;
      fastcgi_pass wasm;
      fastcgi_keep_conn ${keepAlive ? 'on' : 'off'};
      fastcgi_buffering ${streaming ? 'off' : 'on'};
      fastcgi_request_buffering ${streaming ? 'off' : 'on'};
      fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
      fastcgi_param SCRIPT_NAME $fastcgi_script_name;
      fastcgi_param PATH_INFO $fastcgi_path_info;
      fastcgi_param DOCUMENT_ROOT $document_root;
      fastcgi_param DOCUMENT_URI $document_uri;
      fastcgi_param REQUEST_URI $request_uri;
      fastcgi_param QUERY_STRING $query_string;
      fastcgi_param REQUEST_METHOD $request_method;
      fastcgi_param CONTENT_TYPE $content_type;
      fastcgi_param CONTENT_LENGTH $content_length;
      fastcgi_param GATEWAY_INTERFACE CGI/1.1;
      fastcgi_param SERVER_PROTOCOL $server_protocol;
      fastcgi_param SERVER_SOFTWARE nginx/$nginx_version;
      fastcgi_param SERVER_NAME $server_name;
      fastcgi_param SERVER_ADDR $server_addr;
      fastcgi_param SERVER_PORT $server_port;
      fastcgi_param REMOTE_ADDR $remote_addr;
      fastcgi_param REMOTE_PORT $remote_port;
      fastcgi_param REQUEST_SCHEME $scheme;
    }
  }`,
    }),
  }),
}
