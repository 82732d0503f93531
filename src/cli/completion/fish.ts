/** Completion for fish: one `complete` line for each thing that can be typed. */
import { type CommandNode, flatten, type OptionNode, type ValueKind } from './command-tree.ts'

export function fishScript(root: CommandNode): string {
  const lines = flatten(root).flatMap(linesOf)
  return `# fish completion for wasm-fpm. Load it with: wasm-fpm completion fish | source
# __wasm_fpm_at COUNT WORDS... BELOW...: whether the first COUNT words of the line, options left out, are these, and the one
# after them is none of the commands below.
function __wasm_fpm_at
  set -l words (string match -v -- '-*' (commandline -opc))[2..]
  set -l depth $argv[1]
  set -l after (math $depth + 1)
  test (count $words) -ge $depth; or return 1
  if test $depth -gt 0
    test "$words[1..$depth]" = "$argv[2..$after]"; or return 1
  end
  test (count $words) -gt $depth; or return 0
  not contains -- $words[$after] $argv[(math $depth + 2)..]
end
complete -c wasm-fpm -f
${lines.join('\n')}
`
}

function linesOf({ path, commands, options, args }: CommandNode): readonly string[] {
  const here = condition(path, commands)
  const names = commands.map(
    (child) =>
      `complete -c wasm-fpm ${here} -a ${child.path.at(-1)} -d ${quote(child.description)}`,
  )
  const takesFiles = args.some(({ kind }) => kind === 'file' || kind === 'folder')
  const words = args.flatMap((value) => (value.kind === 'words' ? value.words : []))
  return [
    ...names,
    ...options.map((option) => optionLine(option, here)),
    ...(takesFiles ? [`complete -c wasm-fpm ${here} -F`] : []),
    ...(words.length > 0 ? [`complete -c wasm-fpm ${here} -a ${quote(words.join(' '))}`] : []),
  ]
}

function condition(path: readonly string[], commands: readonly CommandNode[]): string {
  const below = commands.map((child) => child.path.at(-1) ?? '')
  return `-n ${quote(['__wasm_fpm_at', String(path.length), ...path, ...below].join(' '))}`
}

function optionLine({ flags, description, value }: OptionNode, here: string): string {
  const names = flags.map((flag) =>
    flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`,
  )
  return `complete -c wasm-fpm ${here} ${names.join(' ')}${taken(value)} -d ${quote(description)}`
}

function taken(value: ValueKind | undefined): string {
  switch (value?.kind) {
    case undefined:
      return ''
    case 'words':
      return ` -x -a ${quote(value.words.join(' '))}`
    case 'file':
      return ' -r -F'
    case 'folder':
      return " -x -a '(__fish_complete_directories)'"
    case 'any':
      return ' -x'
  }
}

function quote(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`
}
