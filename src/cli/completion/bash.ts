/** Completion for bash, as one script: it needs neither the program nor the bash-completion package to run. */
import { type CommandNode, flatten, type OptionNode, type ValueKind } from './command-tree.ts'

export function bashScript(root: CommandNode): string {
  const nodes = flatten(root)
  return `# bash completion for wasm-fpm. Load it with: source <(wasm-fpm completion bash)
_wasm_fpm() {
  local word=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} path='' count=0 at item
  COMPREPLY=()
  # Which command this is, and how many arguments it has so far.
  for ((at = 1; at < COMP_CWORD; at++)); do
    item=\${COMP_WORDS[at]}
    case "$path $item" in
${nodes.flatMap(commandCases).join('\n')}
    esac
    case "$path $item" in
${nodes.map(valueFlags).filter(Boolean).join('\n')}
    esac
    [[ $item == -* ]] || count=$((count + 1))
  done
  # The value of an option.
  case "$path $previous" in
${nodes.flatMap(valueCases).join('\n')}
  esac
  if [[ $word == -* ]]; then
    case "$path" in
${nodes.map(({ path, options }) => `      '${path.join(' ')}') COMPREPLY=($(compgen -W '${flagsOf(options).join(' ')}' -- "$word")) ;;`).join('\n')}
    esac
    return
  fi
  case "$path" in
${nodes.map(argumentCase).join('\n')}
  esac
}
complete -F _wasm_fpm wasm-fpm
`
}

/** Goes down to a command. */
function commandCases({ path, commands }: CommandNode): readonly string[] {
  return commands.map((child) => {
    const name = child.path.at(-1)
    return `      '${path.join(' ')} ${name}') path='${child.path.join(' ')}'; count=0; continue ;;`
  })
}

/** Skips the value of an option that takes one. */
function valueFlags({ path, options }: CommandNode): string {
  const flags = flagsOf(options.filter(({ value }) => value !== undefined))
  const patterns = flags.map((flag) => `'${path.join(' ')} ${flag}'`)
  return patterns.length === 0 ? '' : `      ${patterns.join('|')}) at=$((at + 1)); continue ;;`
}

function valueCases({ path, options }: CommandNode): readonly string[] {
  return options.flatMap(({ flags, value }) => {
    if (value === undefined) return []
    const patterns = flags.map((flag) => `'${path.join(' ')} ${flag}'`)
    return [`    ${patterns.join('|')}) ${generate(value)}; return ;;`]
  })
}

function argumentCase({ path, commands, args }: CommandNode): string {
  const pattern = `    '${path.join(' ')}')`
  if (commands.length > 0) {
    const names = commands.map((child) => child.path.at(-1)).join(' ')
    return `${pattern} COMPREPLY=($(compgen -W '${names}' -- "$word")) ;;`
  }
  const cases = args.map((value, index) =>
    index === args.length - 1 ? `*) ${generate(value)} ;;` : `${index}) ${generate(value)} ;;`,
  )
  return cases.length === 0
    ? `${pattern} ;;`
    : `${pattern} case $count in ${cases.join(' ')} esac ;;`
}

function generate(value: ValueKind): string {
  switch (value.kind) {
    case 'words':
      return `COMPREPLY=($(compgen -W '${value.words.join(' ')}' -- "$word"))`
    case 'file':
      return 'compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$word")'
    case 'folder':
      return 'compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$word")'
    case 'any':
      return ':'
  }
}

function flagsOf(options: readonly OptionNode[]): readonly string[] {
  return options.flatMap(({ flags }) => flags)
}
