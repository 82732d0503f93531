/** The shapes of what the admin API answers and takes: one source for its OpenAPI document, its checks and its tests. */

import { z } from 'zod'
import { READINESS } from '../base/readiness.ts'
import { SCOPES } from './bearer-token.ts'
import { poolStatusSchema } from './status-schema.ts'

const NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/
const HOST_PATTERN = /^(?:\*|(?:\*\.)?[A-Za-z0-9_][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])$/

const nameSchema = z.string().regex(NAME_PATTERN)
const digest = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .describe('SHA-256, in hexadecimal')
const time = z.string().describe('ISO 8601, UTC')

export const errorSchema = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  }),
})

export const healthSchema = z.object({ status: z.literal('ok') })

const canary = z.object({ release: digest, weight: z.int(), sticky: z.boolean(), since: time })

export const tenantSchema = z.object({
  name: nameSchema,
  pool: z.string(),
  hosts: z.array(z.string()),
  sequence: z.int().describe('Grows with every switch; 0: nothing was ever published.'),
  handlers: z.array(
    z.object({ name: nameSchema, release: digest, switchedAt: time, canary: canary.optional() }),
  ),
})
export const tenantsSchema = z.object({
  tenants: z.array(tenantSchema),
  next: nameSchema.optional().describe('Set when there are more: they come after this one.'),
})

const route = z.object({ path: z.string(), methods: z.array(z.string()).optional() })

export const releasesSchema = z.object({
  releases: z
    .array(
      z.object({
        number: z.int(),
        release: digest,
        handler: nameSchema,
        publishedAt: time,
        isLive: z.boolean(),
        canary: canary.optional(),
        routes: z.array(route),
        lifetime: z.string().optional(),
        moduleBytes: z.int().describe('0: it has scripts.'),
        runtime: z.string().optional().describe('What runs these.'),
        files: z.int(),
        fileBytes: z.int(),
        signedBy: z.array(z.string()).describe('Ids of keys.'),
      }),
    )
    .describe('Newest first.'),
})

export const routesSchema = z.object({
  routes: z.array(
    z.object({
      tenant: nameSchema,
      hosts: z.array(z.string()),
      path: z.string(),
      methods: z.array(z.string()).optional().describe('Left out: all.'),
      kind: z.enum(['handler', 'files', 'page', 'document-root']),
      target: z.string().describe("The handler's name, the page's, or the folder."),
      runtime: nameSchema.optional().describe('What runs its scripts.'),
      release: digest.optional(),
      weight: z.int().optional().describe('Of a canary: its share in percent.'),
    }),
  ),
})

export const switchedSchema = z.object({
  tenant: nameSchema,
  handler: nameSchema,
  release: digest.describe('What is live now.'),
  previous: digest.optional().describe('What was live before; left out: nothing.'),
  sequence: z.int(),
  canary: canary.optional(),
  droppedCanary: digest.optional(),
})

export const publishedSchema = switchedSchema.extend({
  event: z.literal('published'),
  release: digest.describe('What was published.'),
  live: digest.describe('What is live now: another one, where it is a canary.'),
  number: z.int(),
  blobs: z.int(),
  sharedBlobs: z.int(),
  newBytes: z.int(),
})

/** What is stored and not switched to. With what was sent, `memoryMaxBytes` makes its digest. */
export const storedSchema = z.object({
  event: z.literal('stored'),
  tenant: nameSchema,
  handler: nameSchema,
  release: digest.describe('What is to be signed and switched to.'),
  memoryMaxBytes: z.int().describe('What the module was hardened with; 0: scripts.'),
  number: z.int(),
  blobs: z.int(),
  sharedBlobs: z.int(),
  newBytes: z.int(),
})

const logEntry = z.union([
  z.object({
    file: z.string(),
    entry: z.record(z.string(), z.unknown()).describe('A line in JSON, as it is there.'),
  }),
  z.object({ file: z.string(), text: z.string() }),
])
export const logsSchema = z.object({
  notes: z.array(z.string()).describe('What is in no file, and so not here.'),
  entries: z.array(logEntry).describe('Oldest first.'),
})

/** The data of an event: of `entry`, `note`, `skipped` (bytes of a log that a slow reader was not sent), `end`, `failed`. */
export const logEventSchema = z.union([
  logEntry,
  z.object({ note: z.string() }),
  z.object({ bytes: z.int() }),
  z.object({ reason: z.string() }),
  errorSchema,
])

/** A line of a publication; the last one is `published`, `stored` or `failed`. */
export const publishLineSchema = z.union([
  z.object({
    event: z.literal('step'),
    step: z.string(),
    note: z.string(),
    found: z.record(z.string(), z.unknown()),
    ms: z.number(),
  }),
  z
    .object({ event: z.literal('progress'), step: z.string(), done: z.int(), total: z.int() })
    .describe('With progress=true: bytes of code, at most 20 lines a second.'),
  publishedSchema,
  storedSchema,
  z.object({ event: z.literal('failed'), error: errorSchema.shape.error }),
])

export const withdrawnSchema = z.object({
  tenant: nameSchema,
  handler: nameSchema,
  release: digest.describe('What was live.'),
})

export const signedSchema = z.object({
  tenant: nameSchema,
  handler: nameSchema,
  release: digest,
  number: z.int(),
  key: z.string().describe('The public key.'),
  keyId: z.string().regex(/^[0-9a-f]{16}$/),
})

export const tenantStatusSchema = z.object({
  tenant: nameSchema,
  pool: z.string(),
  status: poolStatusSchema
    .optional()
    .describe('Over all workers that have answered; left out: none has.'),
})

export const statusSchema = z.object({
  pid: z.int(),
  state: z.string(),
  readiness: z.enum(READINESS).describe('Whether the machine is to get requests.'),
  uptimeMs: z.number(),
  rssBytes: z.int().optional(),
  droppedLogLines: z
    .object({ master: z.int(), admin: z.int() })
    .describe('Of the processes that are no workers, since the start of the server.'),
  workers: z.array(
    z.object({
      pid: z.int(),
      pool: z.string(),
      state: z.string(),
      isBusy: z.boolean(),
      uptimeMs: z.number(),
      rssBytes: z.int().optional(),
      runtimes: z.array(
        z.object({
          name: nameSchema,
          state: z.enum(['booting', 'ready', 'failed']),
          tookMs: z.number().optional(),
          reason: z.string().optional().describe('Why it has failed.'),
        }),
      ),
    }),
  ),
  tenants: z.array(tenantStatusSchema),
})

export const reloadedSchema = z.object({ message: z.string() })

export const tokenSchema = z.object({
  id: z.string().regex(/^[0-9a-f]{12}$/),
  name: z.string(),
  tenant: nameSchema.optional().describe("Left out: an operator's."),
  scopes: z.array(z.enum(SCOPES)),
  createdAt: time,
  expiresAt: time.optional(),
})
export const ownTokenSchema = z.object({
  id: z.string().describe('local: none was needed.'),
  name: z.string().optional(),
  tenant: nameSchema.optional().describe("Left out: an operator's."),
  scopes: z.array(z.enum(SCOPES)),
})
export const tokensSchema = z.object({ tokens: z.array(tokenSchema) })
export const newTokenSchema = tokenSchema.extend({
  token: z.string().describe('The token itself. It is shown this once and kept nowhere.'),
})

export const changedTenantSchema = z.object({
  tenant: nameSchema,
  message: z.string().describe('What the reload says.'),
})

export const removedTenantSchema = changedTenantSchema.extend({ revokedTokens: z.int() })

/** What is sent. */
export const rollbackBody = z.strictObject({
  handler: nameSchema.optional().describe('Needed where a tenant has several.'),
  release: z
    .union([z.string().min(1).max(64), z.int().min(1)])
    .optional()
    .describe('Its number, its digest or at least 6 digits of that. Left out: the one before.'),
})
/** As in a signature's file in a store. */
export const signatureBody = z.strictObject({
  format: z.literal(1),
  key: z.string().describe('The public key: "ed25519:" and 32 bytes in base64.'),
  signature: z.string().describe('64 bytes in base64: see docs/publishing.md for what is signed.'),
})

export const switchBody = z
  .strictObject({
    weight: z
      .int()
      .min(1)
      .max(99)
      .optional()
      .describe('Makes it a canary with so many percent of the requests. Left out: it goes live.'),
    sticky: z
      .boolean()
      .optional()
      .describe('With weight: clients stay with the release that answered them first.'),
  })
  .refine(({ weight, sticky }) => sticky === undefined || weight !== undefined, {
    message: 'sticky is alone, wanted weight beside it',
  })
export const promoteBody = z.strictObject({
  handler: nameSchema.optional(),
  weight: z
    .int()
    .min(1)
    .max(99)
    .optional()
    .describe('Percent of the requests the canary gets from now on. Left out: it goes live.'),
})
export const newTokenBody = z.strictObject({
  name: z.string().max(200).optional(),
  tenant: nameSchema.optional().describe("Left out: an operator's, for which operator is true."),
  operator: z.boolean().optional(),
  scopes: z.array(z.enum(SCOPES)).min(1),
  expiresInSeconds: z
    .int()
    .min(1)
    .max(10 * 366 * 86_400)
    .optional(),
})
export const newTenantBody = z.strictObject({
  pool: nameSchema.optional().describe('Left out: the only one.'),
  hosts: z.array(z.string().regex(HOST_PATTERN)).max(1000),
})
