/** What to do about errors of the server, its configuration, its admin API and of the commands themselves. */
import type { AdminErrorCode } from '../../admin/errors.ts'
import type { VersionErrorCode } from '../../base/version.ts'
import type { ConfigErrorCode } from '../../config/errors.ts'
import type { HttpFrontErrorCode } from '../../gateway/http/errors.ts'
import type { ListenErrorCode } from '../../gateway/listen/errors.ts'
import type { LogsErrorCode } from '../../logs/errors.ts'
import type { MasterErrorCode } from '../../master/errors.ts'
import type { CliErrorCode } from '../errors.ts'
import type { Steps } from './steps.ts'

const EDIT = 'put the line right, then run `wasm-fpm check`; docs/config.md has every key'
const WHO_LISTENS = '`ss -lntxp` shows who has the address; end that, or listen on another one'
const PRINTS_OPTIONS = '`wasm-fpm help COMMAND` shows what a command takes'
const ASK_FOR_TOKEN =
  '`wasm-fpm token create --tenant NAME` on the server makes a token; `wasm-fpm login` takes it'
const SEND_AGAIN = 'try again; if it stays so, the path to the server cuts or slows connections'
const SEE_LOG = '`wasm-fpm logs` has what the server says about it'
const SMALLER_ARCHIVE = 'publish a smaller folder; docs/admin.md has the limits'

export const VERSION_STEPS: Steps<VersionErrorCode> = {
  VERSION_MIXED:
    '`wasm-fpm upgrade` (or `systemctl restart wasm-fpm`) has the new program serve; until then what runs goes on',
}

export const ADMIN_STEPS: Steps<AdminErrorCode> = {
  ADMIN_NO_TOKEN: ASK_FOR_TOKEN,
  ADMIN_BAD_TOKEN: ASK_FOR_TOKEN,
  ADMIN_EXPIRED_TOKEN: ASK_FOR_TOKEN,
  ADMIN_FORBIDDEN: 'use a token of an operator: `wasm-fpm token create` without --tenant makes one',
  ADMIN_MISSING_SCOPE: 'use a token with that scope: `wasm-fpm token create --scope ...`',
  ADMIN_UNKNOWN_TENANT:
    '`wasm-fpm tenants` lists the tenants; a token of a tenant is for that one only',
  ADMIN_UNKNOWN_PATH: 'GET /v1/openapi.json has all paths',
  ADMIN_UNKNOWN_TOKEN: '`wasm-fpm token list` shows the ids',
  ADMIN_BAD_METHOD: 'GET /v1/openapi.json has the methods of every path',
  ADMIN_BAD_REQUEST: 'GET /v1/openapi.json has the parameters and the body of every path',
  ADMIN_BAD_MEDIA_TYPE: 'send what GET /v1/openapi.json says for that path',
  ADMIN_BODY_TOO_LARGE: SMALLER_ARCHIVE,
  ADMIN_BODY_TIMEOUT: SEND_AGAIN,
  ADMIN_BODY_CUT: SEND_AGAIN,
  ADMIN_BAD_ARCHIVE: 'send a tar archive, plain or with gzip, or a module',
  ADMIN_BAD_ENTRY: 'make an archive of plain files and folders with relative names',
  ADMIN_ARCHIVE_LIMIT: SMALLER_ARCHIVE,
  ADMIN_RATE_LIMIT: 'wait a minute, or raise rate_limit in [admin]',
  ADMIN_BUSY: 'try again when the uploads, readers of logs or requests that are under way are done',
  ADMIN_TOKEN_FILE:
    'give the file to the user of [admin], mode 0600, or name another with the key tokens',
  ADMIN_TOO_MANY_TOKENS: '`wasm-fpm token list` shows them, `wasm-fpm token revoke ID` removes one',
  ADMIN_NO_MASTER: 'see whether the server runs: `wasm-fpm status`',
  ADMIN_UNREACHABLE:
    'see whether the server runs and has [admin]: `wasm-fpm status`, `wasm-fpm check` on it',
  ADMIN_STRANGE_ANSWER: 'check the URL of --server: https://HOST or unix:PATH of [admin] listen',
  ADMIN_OTHER_RELEASE:
    'publish again without --sign and compare; a server of another version stores other bytes',
}

export const LOGS_STEPS: Steps<LogsErrorCode> = {
  LOGS_NO_FILE: 'look where standard error goes: `journalctl -u wasm-fpm`, or set error_log',
  LOGS_UNREADABLE:
    'check that it is a file, and that the user who asks, or that of [admin], may read it',
}

export const CLI_STEPS: Steps<CliErrorCode> = {
  CLI_USAGE: PRINTS_OPTIONS,
  CLI_BAD_LIMIT: 'write a size such as 64MiB, a duration such as 10s, or a whole number',
  CLI_BAD_ADDRESS:
    'write what the message wants: HOST:PORT for --http, https://HOST or unix:PATH for a server',
  CLI_UNREADABLE: 'check the path, and that this user may read it',
  CLI_NO_MODULE:
    'build it first, and name what the build has made, a .wasm; `wasm-fpm new --list` has templates that build',
  CLI_NOT_WRITABLE: 'choose another place, or run this as a user that may write there',
  CLI_UNKNOWN_TEMPLATE: '`wasm-fpm help new` lists the templates',
  CLI_BAD_LOGINS: 'move the file away, or run `chmod 600` on it, and `wasm-fpm login` again',
  CLI_NOT_LOGGED_IN: '`wasm-fpm login` remembers a server and a token; or name it behind --server',
  CLI_UNKNOWN_TENANT: '`wasm-fpm status` lists the tenants; `wasm-fpm reload` takes up new ones',
  CLI_BUILD_FAILED:
    "run the command in its folder to see more; its programs come with `npm ci` or the language's own installer",
  CLI_OUTPUT_LOST: 'write to a file on a disk with room, or to a reader that stays',
  RUNTIME_UNKNOWN:
    '`wasm-fpm help runtime` shows what can be built; `wasm-fpm runtime add` takes any other module',
  RUNTIME_NOT_DEBIAN:
    'build it on Debian 12 or in a container of it, with --output, and `wasm-fpm runtime add NAME FILE` here',
  RUNTIME_PACKAGES_MISSING:
    'install them with that line, or run `wasm-fpm runtime build NAME --install` as root',
  RUNTIME_INSTALL_FAILED:
    'run `apt-get update` and the same `apt-get install` as root; its messages are in build.log of the cache',
  RUNTIME_SOURCE_FAILED:
    'see that the mirror in /etc/apt can be reached, then run it again: what is fetched stays; build.log has more',
  RUNTIME_BUILD_FAILED:
    'look for the first error in that log; run it again and it goes on where it stopped',
  RUNTIME_BUSY: 'wait for the other one to end, or give --cache another folder',
  RUNTIME_NOT_A_REACTOR:
    '`wasm-fpm inspect FILE` shows what it is; docs/abi.md says what is wanted',
  RUNTIME_NOT_THERE: '`wasm-fpm runtime list` shows what is there',
  CONVERT_UNREADABLE:
    "check the path, and that this user may read it; php-fpm's files are often root's",
  CONVERT_SYNTAX: '`php-fpm -t` shows whether php-fpm takes that line',
  CONVERT_NO_POOL:
    'name the file with the [pool] sections, such as /etc/php/8.2/fpm/pool.d/www.conf',
  CONVERT_BAD_POOL: 'give the pool what it lacks; `php-fpm -t` checks it',
  CONVERT_NOT_WRITTEN: 'choose another --output, or overwrite it with --force',
  DOCTOR_UNKNOWN_TENANT: '`wasm-fpm tenants` lists the tenants of the configuration',
}

export const CONFIG_STEPS: Steps<ConfigErrorCode> = {
  CONFIG_NOT_FOUND:
    'write /etc/wasm-fpm/wasm-fpm.toml (docs/config.md begins with an example), or name one with --config',
  CONFIG_NOT_READABLE:
    'check the path, and run this as root or as the user that the file belongs to',
  CONFIG_SYNTAX: EDIT,
  CONFIG_UNKNOWN_KEY: EDIT,
  CONFIG_BAD_VALUE: EDIT,
  CONFIG_DUPLICATE: 'change one of the two, then run `wasm-fpm check`',
  CONFIG_UNKNOWN_POOL: 'name a [[pool]] that is there, or add it, then run `wasm-fpm check`',
  CONFIG_UNKNOWN_RUNTIME: 'name a [[runtime]] that is there, or add it, then run `wasm-fpm check`',
  CONFIG_NO_RUNTIME_MODULE:
    'run the command that the message names, or set module to the file, then run `wasm-fpm check`',
  CONFIG_NO_APP:
    'write `app = "PACKAGE.MODULE:VARIABLE"`, or put the module below root, then run `wasm-fpm check`',
  CONFIG_OPEN_LISTEN: 'name the web servers in allowed_clients, then run `wasm-fpm check`',
  CONFIG_BAD_PM: EDIT,
  CONFIG_UNTRUSTED_ENGINE:
    'take the key engine out, or read docs/engines.md before you set trusted = true',
  CONFIG_ENV_FILE_OPEN: 'chmod 600 and chown the file as the message says, then `wasm-fpm check`',
  CONFIG_ENV_FILE: 'put the file right: NAME=value, one a line; then `wasm-fpm check`',
  CONFIG_INVALID: EDIT,
  CONFIG_UNKNOWN_TENANT:
    '`wasm-fpm tenants` lists the tenants, `wasm-fpm tenants add NAME` adds one',
  CONFIG_NO_INCLUDE: 'add the line to the configuration, then try again',
  CONFIG_SHARED_FILE: 'take the table out of the file, then `wasm-fpm reload`',
  CONFIG_NOT_WRITABLE: 'run this as root or as the user that the configuration belongs to',
}

export const MASTER_STEPS: Steps<MasterErrorCode> = {
  MASTER_UNKNOWN_ACCOUNT: 'make the user (`useradd --system NAME`), or name one that is there',
  MASTER_NOT_ROOT: 'start it as root, or take user and group out of the pools',
  MASTER_LISTEN_FAILED: `${WHO_LISTENS}; ports below 1024 want root, sockets a folder that is there`,
  MASTER_WORKER_FAILED: 'the lines above say why; `wasm-fpm doctor` looks for what is in the way',
  MASTER_BUSY: 'try again when it has done what it is at: `wasm-fpm status`',
  MASTER_ALREADY_RUNNING:
    '`wasm-fpm reload` makes it take a new configuration, `wasm-fpm stop` ends it',
  MASTER_NOT_RUNNING:
    'start it (`systemctl start wasm-fpm`, or `wasm-fpm serve`); one that runs is reached with its --config, by its user and by root',
  MASTER_UPGRADE_FAILED:
    'the old program serves as before; put right what the message says (`wasm-fpm check`, `wasm-fpm logs`), then `wasm-fpm upgrade` again',
  MASTER_FILE: 'make the folder, and let the user of the master write there',
}

export const LISTEN_STEPS: Steps<ListenErrorCode | HttpFrontErrorCode> = {
  GATEWAY_LISTEN_BAD_ADDRESS: EDIT,
  GATEWAY_LISTEN_PATH_TOO_LONG: 'choose a shorter path, such as /run/wasm-fpm/www.sock',
  GATEWAY_LISTEN_IN_USE: WHO_LISTENS,
  GATEWAY_LISTEN_NOT_A_SOCKET: 'move that file away, or listen on another path',
  GATEWAY_LISTEN_BAD_OWNER: 'name a user and group that are there; only root can give sockets away',
  GATEWAY_LISTEN_NOT_INHERITED:
    'start the .socket unit, and name it in listen: systemd:NAME (examples/systemd)',
  GATEWAY_LISTEN_EXPOSED: 'name the web servers in allowed_clients',
  GATEWAY_LISTEN_BAD_CLIENT: EDIT,
  GATEWAY_LISTEN_FAILED: 'make the folder of the socket, or name an address that this machine has',
  GATEWAY_FIRST_BYTE_TIMEOUT:
    'raise first_byte_timeout of the pool, if the web server is that slow',
  GATEWAY_PARAMS_TIMEOUT: 'raise params_timeout of the pool, if the web server is that slow',
  GATEWAY_BODY_TIMEOUT: 'raise body_timeout of the pool, or let the web server buffer bodies',
  GATEWAY_WRITE_TIMEOUT: 'raise write_timeout of the pool, or let the web server buffer responses',
  GATEWAY_IDLE_TIMEOUT: 'raise keepalive_timeout of the pool',
  GATEWAY_HTTP_LISTEN_FAILED: WHO_LISTENS,
  GATEWAY_HTTP_NO_BACKEND:
    'give the first pool an address that can be connected to, such as a socket path',
  GATEWAY_HTTP_BAD_RESPONSE: SEE_LOG,
}
