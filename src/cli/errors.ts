/** What a command itself can find wrong. Errors of other folders pass through it as they are. */
import { CodedError } from '../base/errors.ts'

export type CliErrorCode =
  /** Arguments that make no sense together. */
  | 'CLI_USAGE'
  /** A limit on the command line that is no size or no number. */
  | 'CLI_BAD_LIMIT'
  /** An address on the command line that is none. */
  | 'CLI_BAD_ADDRESS'
  /** A file named on the command line that cannot be read. */
  | 'CLI_UNREADABLE'
  /** It can be read, and is no compiled module: a folder, a source file. */
  | 'CLI_NO_MODULE'
  /** A file or folder that cannot be written. */
  | 'CLI_NOT_WRITABLE'
  /** Standard output takes no more: a full disk. */
  | 'CLI_OUTPUT_LOST'
  /** There is no template of that name. */
  | 'CLI_UNKNOWN_TEMPLATE'
  /** Who we are to a server is kept in a file that cannot be used. */
  | 'CLI_BAD_LOGINS'
  /** Nobody has logged in to that server, or to any. */
  | 'CLI_NOT_LOGGED_IN'
  /** The running server serves no tenant of that name. */
  | 'CLI_UNKNOWN_TENANT'
  /** A build command that did not succeed. */
  | 'CLI_BUILD_FAILED'
  /** There is no recipe for a runtime of that name. */
  | 'RUNTIME_UNKNOWN'
  /** This machine has not what is taken of Debian. */
  | 'RUNTIME_NOT_DEBIAN'
  /** Debian packages that a build needs are not installed. */
  | 'RUNTIME_PACKAGES_MISSING'
  /** apt could not install them. */
  | 'RUNTIME_INSTALL_FAILED'
  /** A source package that cannot be fetched, unpacked or patched. */
  | 'RUNTIME_SOURCE_FAILED'
  /** A compiler, or another program of the build, failed. */
  | 'RUNTIME_BUILD_FAILED'
  /** Another build is at work in that folder. */
  | 'RUNTIME_BUSY'
  /** The module is none that a runtime can be. */
  | 'RUNTIME_NOT_A_REACTOR'
  /** The store has no runtime of that name. */
  | 'RUNTIME_NOT_THERE'
  /** A file of php-fpm's that cannot be read. */
  | 'CONVERT_UNREADABLE'
  /** It has a line that php-fpm does not take either, or too many files. */
  | 'CONVERT_SYNTAX'
  /** It has no pool. */
  | 'CONVERT_NO_POOL'
  /** A pool that cannot become one of ours. */
  | 'CONVERT_BAD_POOL'
  /** The output file is there already, or cannot be written. */
  | 'CONVERT_NOT_WRITTEN'
  /** The configuration has no tenant of that name. */
  | 'DOCTOR_UNKNOWN_TENANT'

export class CliError extends CodedError<CliErrorCode> {}
