/** Exit codes of the command, php-fpm's where it has one (sysexits.h). */
export const ExitCode = {
  /** What was asked for failed. */
  Failure: 1,
  /** The command line makes no sense. */
  Usage: 64,
  /** A fault of wasm-fpm itself. */
  Software: 70,
  /** The configuration is wrong. */
  Config: 78,
  /** `run`: the guest trapped (as after SIGABRT). */
  Trapped: 134,
} as const
