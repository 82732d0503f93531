/** Whether the files of secrets can be read at the start, and by nobody else. Their content is not for here. */
import type { Config } from '../../config/config.ts'
import { withEnvFiles } from '../../config/env-files.ts'
import { ConfigError, printProblem } from '../../config/errors.ts'
import { nextStep } from '../next-steps/next-step.ts'
import { type Check, fail, ok } from './check-result.ts'

export function checkEnvFiles(config: Config): readonly Check[] {
  const count = [config.follow, ...config.tenants.flatMap((one) => [one, ...one.handlers])].filter(
    (one) => one?.envFile !== undefined,
  ).length
  if (count === 0) return []
  try {
    withEnvFiles(config)
    return [ok('server', 'env_file', `${count} of them`)]
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.map((problem) =>
      fail('server', 'env_file', [printProblem(problem), nextStep(problem.code) ?? '']),
    )
  }
}
