/** How much a registry may make us read, write and wait; whoever runs it need not mean well. */

const MIB = 1024 * 1024

export interface OciLimits {
  /** Bytes of an artifact's manifest, or of an index of them. */
  readonly manifestBytes: number
  /** Bytes of an answer that holds a token. */
  readonly tokenBytes: number
  /** Bytes of an answer's body that are read to find out what is wrong. */
  readonly errorBytes: number
  /** Bytes of the file of credentials. */
  readonly credentialsBytes: number
  /** Bytes that a credential helper may say. */
  readonly helperBytes: number
  /** Milliseconds that it may take: it may have to ask somebody for a password. */
  readonly helperMs: number
  /** Layers of an artifact. */
  readonly layers: number
  /** Bytes of a module. */
  readonly moduleBytes: number
  /** Bytes of an archive as it travels: compressed. */
  readonly archiveBytes: number
  /** Bytes that all archives of an artifact unpack to, headers included. */
  readonly unpackedBytes: number
  /** Files and folders in the archives of an artifact. */
  readonly entries: number
  /** Bytes of the path of a file in an archive. */
  readonly pathBytes: number
  /** Folders inside each other. */
  readonly pathDepth: number
  /** Redirects followed for one request. */
  readonly redirects: number
  /** How often one step is tried. */
  readonly tries: number
  /** Milliseconds before the second try; doubled before each further one. */
  readonly backoffMs: number
  /** The longest wait before a try that a registry can ask for, in milliseconds. */
  readonly retryAfterMs: number
  /** Milliseconds without a byte in either direction. */
  readonly idleMs: number
  /** Milliseconds for a whole pull or push. */
  readonly totalMs: number
}

export const DEFAULT_OCI_LIMITS: OciLimits = {
  manifestBytes: 4 * MIB,
  tokenBytes: 64 * 1024,
  errorBytes: 16 * 1024,
  credentialsBytes: MIB,
  helperBytes: 64 * 1024,
  helperMs: 120_000,
  layers: 16,
  moduleBytes: 64 * MIB,
  archiveBytes: 256 * MIB,
  unpackedBytes: 320 * MIB,
  entries: 12_000,
  pathBytes: 1280,
  pathDepth: 36,
  redirects: 5,
  tries: 4,
  backoffMs: 500,
  retryAfterMs: 30_000,
  idleMs: 30_000,
  totalMs: 900_000,
}
