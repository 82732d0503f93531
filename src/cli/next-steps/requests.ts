/** What to do about errors of requests and of modules that run. */
import type { OpenErrorCode } from '../../base/opened-file.ts'
import type { CgiErrorCode } from '../../cgi/errors.ts'
import type { ComponentErrorCode } from '../../component/errors.ts'
import type { FastCgiErrorCode } from '../../fastcgi/errors.ts'
import type { GatewayErrorCode } from '../../gateway/errors.ts'
import type { OutcomeCode } from '../../gateway/failure.ts'
import type { GuestErrorCode } from '../../guest/errors.ts'
import type { OutboundCode } from '../../outbound/errors.ts'
import type { PoolErrorCode } from '../../pool/errors.ts'
import type { PublisherErrorCode } from '../../publisher/errors.ts'
import type { WasiErrorCode } from '../../wasi/errors.ts'
import type { WasmErrorCode } from '../../wasm/errors.ts'
import type { Steps } from './steps.ts'

const TARGET =
  'build for WASI preview 1: wasm32-wasip1 in Rust, C and Go; `wasm-fpm inspect FILE` shows what a module is'
const HEADER =
  'print "Content-Type: ...", a blank line, then the body; `wasm-fpm invoke FILE -i` shows the answer'
const WEB_SERVER =
  "compare the web server's configuration with examples/; `wasm-fpm doctor` prints one"
const BUILD_AGAIN = 'build the module again; `wasm-fpm inspect FILE` says what is in it'
const NO_FEATURE = 'build without that feature; docs/limits.md says what a module may have'
const LOAD = 'raise max_children or [tenant.queue], or see what is slow: `wasm-fpm status TENANT`'
const SLOW = 'raise [tenant.limits], or find what takes so long: request_slowlog_timeout'

/** What belongs to no folder. */
export const OTHER_STEPS: Steps<'INTERNAL' | 'VERSION_MIXED'> = {
  INTERNAL: 'it is a fault of wasm-fpm: `wasm-fpm logs` has what the server knows of it',
  VERSION_MIXED: 'run `wasm-fpm upgrade`: master and workers are to be of one version',
}

export const CGI_STEPS: Steps<CgiErrorCode> = {
  CGI_NO_PARAMS: WEB_SERVER,
  CGI_BAD_METHOD: WEB_SERVER,
  CGI_BAD_CONTENT_LENGTH: WEB_SERVER,
  CGI_BAD_VARIABLE: WEB_SERVER,
  CGI_BAD_PATH: WEB_SERVER,
  CGI_NO_HEADER: HEADER,
  CGI_BAD_HEADER: HEADER,
  CGI_BAD_STATUS: HEADER,
  CGI_HEADER_TOO_LARGE: 'send less, or raise limits.response_header',
  CGI_TOO_MANY_HEADERS: 'send fewer fields, or raise limits.response_header_count',
  CGI_BODY_TOO_LARGE: 'send less, or raise limits.response_body',
  CGI_SHORT_BODY: 'leave Content-Length out, or send as many bytes as it says',
}

export const FASTCGI_STEPS: Steps<FastCgiErrorCode> = {
  FASTCGI_BAD_VERSION:
    'let the web server speak FastCGI to this address (fastcgi_pass, not proxy_pass)',
  FASTCGI_BAD_RECORD: WEB_SERVER,
  FASTCGI_BAD_LENGTH: WEB_SERVER,
  FASTCGI_DUPLICATE_ID: WEB_SERVER,
  FASTCGI_BAD_PARAMS: WEB_SERVER,
  FASTCGI_PARAMS_TOO_LARGE: 'raise limits.params, or send fewer header fields',
  FASTCGI_FLOOD: WEB_SERVER,
  FASTCGI_PARAMS_FLOOD: WEB_SERVER,
  FASTCGI_CONNECTION_LOST: 'try again; `wasm-fpm logs` says why a connection ended',
  FASTCGI_NO_FREE_ID: 'open another connection',
}

export const GATEWAY_STEPS: Steps<GatewayErrorCode> = {
  GATEWAY_UNKNOWN_TENANT: '`wasm-fpm tenants` lists the tenants and their hosts',
  GATEWAY_UNKNOWN_HANDLER:
    '`wasm-fpm routes` lists what answers; files of root must end as limit_extensions says',
  GATEWAY_WRONG_METHOD:
    '`wasm-fpm routes` lists the methods; the manifest\'s "methods" change them',
  GATEWAY_PARAMS_TOO_LARGE: 'raise limits.params or limits.params_count',
  GATEWAY_BODY_TOO_LARGE: 'send less, or raise limits.request_body',
  GATEWAY_BODY_MISMATCH: WEB_SERVER,
  GATEWAY_FILE_UNREADABLE: '`wasm-fpm fsck` finds what is damaged; publish it again',
  GATEWAY_CLIENT_GONE: 'nothing: the client has ended the request',
}

export const POOL_STEPS: Steps<PoolErrorCode> = {
  POOL_QUEUE_FULL: LOAD,
  POOL_QUEUE_TIMEOUT: LOAD,
  POOL_ABORTED: 'nothing: the client has ended the request',
  POOL_STOPPING: 'try again when the server is back',
}

export const OUTCOME_STEPS: Steps<OutcomeCode> = {
  OUTCOME_ABORTED: 'nothing: the client has ended the request',
  OUTCOME_STOPPED: 'try again when the server is back',
  OUTCOME_FAILED: '`wasm-fpm logs` has what went wrong',
  OUTCOME_TRAPPED: 'build with names (-g) and see the back trace in `wasm-fpm logs`',
  OUTCOME_STACK_OVERFLOW: 'recurse less deeply; the back trace in `wasm-fpm logs` says where',
  OUTCOME_OUT_OF_MEMORY: 'raise limits.memory, or use less',
  OUTCOME_CPU_EXCEEDED: SLOW,
  OUTCOME_WALL_EXCEEDED: SLOW,
}

const PEER =
  'see that it runs and that this machine may reach it; docs/outbound.md says how guests connect'

export const OUTBOUND_STEPS: Steps<OutboundCode | 'OUTBOUND_CA_UNREADABLE'> = {
  OUTBOUND_NOT_ALLOWED: 'add a [[tenant.outbound]] for it if the guest is meant to go there',
  OUTBOUND_BAD_ADDRESS: 'add private = true to its entry if it is meant to be in your network',
  OUTBOUND_UNKNOWN_NAME:
    'check the name: `getent hosts NAME` on this machine finds what guests find',
  OUTBOUND_CONNECT_FAILED: PEER,
  OUTBOUND_TLS_FAILED: "check the peer's certificate and name, or name its authority: ca = FILE",
  OUTBOUND_CONNECT_TIMEOUT: PEER,
  OUTBOUND_REQUEST_FULL: 'raise limits.outbound, or close connections earlier',
  OUTBOUND_TENANT_FULL: 'raise limits.outbound_tenant, or close connections earlier',
  OUTBOUND_IDLE: 'raise limits.outbound_idle if that is as it should be',
  OUTBOUND_TOO_LONG: 'raise limits.outbound_time if that is as it should be',
  OUTBOUND_TOO_MUCH_SENT: 'raise limits.outbound_sent if that is as it should be',
  OUTBOUND_TOO_MUCH_RECEIVED: 'raise limits.outbound_received if that is as it should be',
  OUTBOUND_CA_UNREADABLE:
    "check the path, and that the workers' user may read it: `wasm-fpm doctor`",
}

export const OPEN_STEPS: Steps<OpenErrorCode> = {
  OPEN_MISSING: 'check the path',
  OPEN_LINK: 'put the file itself there, not a link to it',
  OPEN_WRONG_KIND: 'check the path: a file has to be there, in folders',
  OPEN_SPECIAL: 'put a plain file there',
  OPEN_OUTSIDE: 'put a copy there, or a link that stays inside of the folder',
  OPEN_TOO_FAR: 'put it there with fewer links on the way',
  OPEN_FAILED: "check the path, and that the workers' user may read it: `wasm-fpm doctor`",
}

export const GUEST_STEPS: Steps<GuestErrorCode> = {
  GUEST_UNREADABLE: "check the path, and that the workers' user may read it: `wasm-fpm doctor`",
  GUEST_OUTSIDE_ROOT: "put a copy below the tenant's root, or a link that stays inside",
  GUEST_LOADS_WAITING: 'try again; ask for fewer new modules at a time',
  GUEST_TYPES_USED_UP:
    '`wasm-fpm restart`; then see whose modules have so many types (`wasm-fpm inspect`)',
  GUEST_INVALID_MODULE: BUILD_AGAIN,
  GUEST_WRONG_CONTRACT: TARGET,
  GUEST_NO_RUNTIME:
    'mend the runtime as the message says (`wasm-fpm doctor` looks at its module), then `wasm-fpm reload`',
  GUEST_WARM_REQUEST_FAILED:
    'ask for that path with a browser: the log says what is wrong with it; or take it out of warm',
  GUEST_NO_APPLICATION:
    'see what it said last: a module that is missing, a mistake in one, or more boot_timeout that it needs',
  GUEST_BOOT_FAILED:
    'see what it said; then mend the handler, or build the runtime anew, or give it more time (boot_timeout, limits) or memory',
  GUEST_TOO_LARGE: 'raise limits.memory, or build with a smaller first memory (--initial-memory)',
}

export const COMPONENT_STEPS: Steps<ComponentErrorCode> = {
  COMPONENT_MALFORMED:
    'build it again: `jco print` or `wasm-tools validate` says more of what is wrong',
  COMPONENT_LIMIT_EXCEEDED: 'build a smaller component; docs/limits.md has all limits',
  COMPONENT_UNSUPPORTED:
    'build it without that, for wasi:http or wasi:cli of 0.2 or 0.3: docs/abi.md says what is run',
  COMPONENT_IMPORT: 'build it without what it imports there; docs/abi.md says what is given',
  COMPONENT_EXPORT:
    'export wasi:http/incoming-handler (0.2), wasi:http/handler (0.3) or wasi:cli/run, or build a WASI command (wasm32-wasip1)',
}

export const PUBLISHER_STEPS: Steps<PublisherErrorCode> = {
  PUBLISHER_BAD_JOB: 'try again; if it stays so it is a fault of wasm-fpm: say what you published',
  PUBLISHER_WRONG_CONTRACT: TARGET,
  PUBLISHER_NOT_RESETTABLE: 'export its globals, or set "lifetime": "fresh" in wasm-fpm.json',
  PUBLISHER_INVALID_COMPONENT:
    'build it again; `wasm-tools validate` (jco has it, too) says more of what is wrong',
  PUBLISHER_NO_WIT:
    'without --wit `wasm-fpm inspect` names what it imports and exports; a fresh `npm install` of wasm-fpm brings wasm-tools',
  PUBLISHER_INVALID_MODULE: BUILD_AGAIN,
  PUBLISHER_PROBE_FAILED:
    '`wasm-fpm invoke FILE` runs it here; "probe" in wasm-fpm.json says what is asked of it',
  PUBLISHER_NO_APPLICATION:
    'mend what the message names (a package that is missing: `pip install --target FOLDER/site-packages NAME`), then publish again; what was live is live',
  PUBLISHER_PROBE_ANSWER: 'change the answer, or what "probe" in wasm-fpm.json expects',
}

export const WASI_STEPS: Steps<WasiErrorCode> = {
  WASI_UNKNOWN_IMPORT: TARGET,
  WASI_NOT_REUSABLE: 'it is a fault of wasm-fpm: say what you ran',
  WASI_BAD_DIRECTORY: "make the folder, and let the workers' user read it: `wasm-fpm doctor`",
}

export const WASM_STEPS: Steps<WasmErrorCode> = {
  WASM_NOT_A_MODULE: `${TARGET}; a component answers HTTP, or is a command`,
  WASM_MALFORMED: BUILD_AGAIN,
  WASM_LIMIT_EXCEEDED:
    'build a smaller module (-Os, wasm-opt); functionBytes is `limits.function` of the tenant; docs/limits.md has all limits',
  WASM_FUNCTION_TOO_COMPLEX:
    'build with -Os and less inlining, or split the function: fewer locals, blocks and calls in one',
  WASM_THREADS: 'build without threads (no -pthread, no +atomics)',
  WASM_MEMORY64: 'build for wasm32',
  WASM_GC_ALLOCATION: NO_FEATURE,
  WASM_EXCEPTION_STORAGE: NO_FEATURE,
  WASM_UNSUPPORTED: NO_FEATURE,
  WASM_MEMORY_MINIMUM:
    'raise limits.memory, or build with a smaller first memory (--initial-memory)',
  WASM_TABLE_MINIMUM: 'build with fewer functions in tables; docs/limits.md has the limit',
  WASM_RESERVED_NAME: 'rename the export: names that begin so belong to wasm-fpm',
  WASM_ALREADY_HARDENED:
    'give the module as the compiler made it: it is hardened when it is loaded',
}
