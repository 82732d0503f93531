/** What to do about errors of the store and of registries. */
import type { FollowErrorCode } from '../../follow/errors.ts'
import type { OciErrorCode } from '../../oci/errors.ts'
import type { StoreErrorCode } from '../../store/errors.ts'
import type { Steps } from './steps.ts'

const RELEASES = '`wasm-fpm releases --tenant NAME` lists what is there'
const PUBLISHER = 'try again; if it stays so, build a smaller module'
const LOGIN = '`docker login HOST` writes credentials down; or give --username and --password-stdin'
const SIGN =
  '`wasm-fpm sign RELEASE --key FILE` signs it; `wasm-fpm key show FILE` prints the key for `signers`'
const LATER = 'try again later; it is the registry that is slow or broken'

export const FOLLOW_STEPS: Steps<FollowErrorCode> = {
  FOLLOW_BAD_SOURCE: 'write `source` of [follow] as docs/config.md says',
  FOLLOW_BAD_SECRETS: 'write `env_file` of [follow] as docs/config.md says',
  FOLLOW_BAD_CA:
    'name the file of the authority that has signed the certificate of the source, and let the user of [follow] read it',
  FOLLOW_OLD_SERVER:
    'update nats-server; or allow it: in [follow] (docs/config.md), with --allow-old-server of `wasm-fpm export`',
  FOLLOW_RECORD_TOO_LARGE:
    'let the server take larger messages, or give up releases: `wasm-fpm collect --keep N`',
  FOLLOW_NO_SOURCE:
    'look whether the source is there: mounted, or answering; what is live here goes on, and it is tried again',
  FOLLOW_STRANGE_ANSWER: 'let the source be what `wasm-fpm export` has written, as it is',
}

export const STORE_STEPS: Steps<StoreErrorCode> = {
  STORE_NOT_A_STORE:
    'name the folder with --store or --config; the first `wasm-fpm publish` makes it',
  STORE_UNREADABLE:
    "check the path, and that this user may read it: what is the server's, its user and root may",
  STORE_NOT_WRITABLE: 'run this as the user that the store belongs to, or publish through --server',
  STORE_FULL: '`wasm-fpm collect` removes what no release names; or make room on the disk',
  STORE_IO: 'look at the disk: `dmesg`, `df`, `mount`',
  STORE_BUSY: 'try again when the other command is done',
  STORE_DAMAGED: '`wasm-fpm fsck` lists what is damaged; publish that again, or restore a backup',
  STORE_BAD_NAME: 'use 1 to 63 letters, digits, ".", "_" or "-"',
  STORE_BAD_MANIFEST:
    'put the manifest (wasm-fpm.json, or [handler] in wasm-fpm.toml) right; docs/publishing.md has every key',
  STORE_BAD_FILE: 'publish plain files and folders only, and leave them alone meanwhile',
  STORE_LIMIT_EXCEEDED: 'publish less; docs/publishing.md has the limits',
  STORE_OVER_TENANT_LIMIT: 'ask for less in the manifest\'s "limits", or raise [tenant.limits]',
  STORE_NO_RUNTIME:
    'name it in `runtimes` of the tenant (docs/php.md), then `wasm-fpm reload`; or correct "runtime" in the manifest',
  STORE_NO_SCRIPTS: 'publish the folder with the scripts, or name it with "files" in the manifest',
  STORE_ROUTE_TAKEN: '`wasm-fpm routes` shows whose it is; choose another with --route',
  STORE_UNKNOWN_RELEASE: RELEASES,
  STORE_UNKNOWN_HANDLER: `${RELEASES}; name one with --handler`,
  STORE_NO_OLDER_RELEASE: `${RELEASES}; \`wasm-fpm rollback --withdraw\` takes the handler off the air`,
  STORE_BAD_CANARY: 'publish it without --weight first, with the routes of the live one',
  STORE_NO_CANARY: '`wasm-fpm publish --weight PERCENT` makes one',
  STORE_BAD_KEY: '`wasm-fpm key create FILE` makes one; a private key wants mode 0600',
  STORE_UNSIGNED: SIGN,
  STORE_BAD_SIGNATURE: SIGN,
  STORE_PUBLISHER_FAILED: PUBLISHER,
  STORE_PUBLISHER_TIMEOUT: PUBLISHER,
  STORE_PUBLISHER_MEMORY: PUBLISHER,
}

export const OCI_STEPS: Steps<OciErrorCode> = {
  OCI_BAD_REFERENCE: 'write oci://HOST/REPOSITORY:TAG or ...@sha256:DIGEST',
  OCI_PLAIN_HTTP: 'use a registry with HTTPS, or allow it with --plain-http',
  OCI_BAD_CREDENTIALS: LOGIN,
  OCI_CREDENTIAL_HELPER: 'install docker-credential-NAME, or give --username and --password-stdin',
  OCI_UNREACHABLE: 'check the host in the reference, and the network: `curl https://HOST/v2/`',
  OCI_TIMEOUT: LATER,
  OCI_BUSY: LATER,
  OCI_DENIED: LOGIN,
  OCI_NOT_FOUND:
    'check repository and tag; private ones may need credentials (`docker login HOST`)',
  OCI_REFUSED: 'see what the registry says above; it may not take artifacts',
  OCI_BAD_ANSWER: 'check that the host is a registry: `curl https://HOST/v2/`',
  OCI_DIGEST_MISMATCH: 'try again; if it stays so, push the artifact again',
  OCI_BAD_MANIFEST: 'push it again with `wasm-fpm push`',
  OCI_NO_MODULE: 'push a module, or a folder with one: `wasm-fpm push`',
  OCI_BAD_ARCHIVE: 'push a folder of plain files: `wasm-fpm push`',
  OCI_LIMIT_EXCEEDED: 'push less; docs/oci.md has the limits',
  OCI_BAD_SOURCE: 'name a .wasm file, or a folder with one and its wasm-fpm.json',
  OCI_IO: 'look at the disk: `dmesg`, `df`, `mount`',
}
