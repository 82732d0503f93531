/** How much one client of the admin API can take from the others, and from the machine. */

const MIB = 1024 * 1024

export interface AdminLimits {
  /** Bytes of an upload as it is sent. */
  readonly uploadBytes: number
  /** Bytes of an archive once unpacked, headers included. */
  readonly unpackedBytes: number
  /** Unpacked bytes for each packed one; looked at beyond `ratioFreeBytes`. */
  readonly ratio: number
  /** Unpacked bytes that may be packed as tightly as they like. */
  readonly ratioFreeBytes: number
  /** Files and folders of an archive. */
  readonly entries: number
  /** Bytes of an entry's path. */
  readonly entryPathBytes: number
  /** Folders inside each other. */
  readonly entryDepth: number
  /** Bytes of a JSON body. */
  readonly jsonBytes: number
  /** How long a body may pause, in milliseconds. */
  readonly bodyIdleMs: number
  /** How long a whole request may take to arrive, in milliseconds. */
  readonly requestMs: number
  /** How long a request's header may take to arrive, in milliseconds. */
  readonly headerMs: number
  /** Bytes of a request's header. */
  readonly headerBytes: number
  /** How long an idle connection is kept, in milliseconds. */
  readonly keepAliveMs: number
  /** How long a connection may stand still with a request under way, in milliseconds; more than verifying takes. */
  readonly stallMs: number
  /** How long a refused body is read on, so that the refusal arrives, in milliseconds. */
  readonly lingerMs: number
  /** Connections at once, of each socket; beyond, those without a request of somebody known go first. */
  readonly connections: number
  /** Requests at once, of each tenant and of each address without a token. */
  readonly requests: number
  /** Uploads at once, of all tenants together. */
  readonly uploads: number
  /** Modules that are verified at once; others wait until it is their turn. */
  readonly publications: number
  /** Uploads and publications of one tenant at once. */
  readonly tenantPublications: number
  /** Signatures of a release by keys that its tenant does not name; of those it names there is one each. */
  readonly signatures: number
  /** Bad tokens from one address, a minute, that are answered 401 and written to the audit log. */
  readonly badTokens: number
  /** Addresses and tokens whose requests are counted. */
  readonly counted: number
  /** Tenants in one answer. */
  readonly page: number
  /** Tokens there may be. */
  readonly tokens: number
  /** Readers of logs at once. */
  readonly logReaders: number
  /** Readers of one tenant's logs at once. */
  readonly tenantLogReaders: number
  /** Lines of before, in one answer. */
  readonly logLines: number
  /** Files of one reader. */
  readonly logFiles: number
  /** Bytes of a log that are looked through for lines of before. */
  readonly logTailBytes: number
  /** Characters of a line. */
  readonly logLineChars: number
  /** Bytes of a log that a reader may be behind; then it goes on near the end. */
  readonly logBehindBytes: number
  /** How long a reader may take nothing, in milliseconds. */
  readonly logStallMs: number
  /** Between two looks whether a reader is there and its token good, in milliseconds. */
  readonly logCheckMs: number
  /** Between two looks at a log, in milliseconds. */
  readonly logLookMs: number
}

export const DEFAULT_ADMIN_LIMITS: AdminLimits = {
  uploadBytes: 256 * MIB,
  unpackedBytes: 384 * MIB,
  ratio: 200,
  ratioFreeBytes: 16 * MIB,
  entries: 12_500,
  entryPathBytes: 1024,
  entryDepth: 33,
  jsonBytes: 65_536,
  bodyIdleMs: 30_000,
  requestMs: 600_000,
  headerMs: 10_000,
  headerBytes: 16_384,
  keepAliveMs: 15_000,
  stallMs: 300_000,
  lingerMs: 2000,
  connections: 256,
  requests: 16,
  uploads: 16,
  publications: 4,
  tenantPublications: 2,
  signatures: 8,
  badTokens: 30,
  counted: 10_000,
  page: 1000,
  tokens: 10_000,
  logReaders: 32,
  tenantLogReaders: 4,
  logLines: 1000,
  logFiles: 64,
  logTailBytes: MIB,
  logLineChars: 65_536,
  logBehindBytes: 8 * MIB,
  logStallMs: 30_000,
  logCheckMs: 5000,
  logLookMs: 200,
}
