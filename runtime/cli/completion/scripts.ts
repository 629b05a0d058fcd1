import { quote } from '../shell.js';
import type { CompletionNode } from './tree.js';

/**
 * Which command the words belong to: options and their values are passed over, words that are no command end it.
 * `names` of the shell's array, `from` and `to` its bounds.
 */
const walk = (words: string, from: string, to: string, tree: readonly CompletionNode[]) => `
  local at='' skip='' word i
  for ((i = ${from}; i < ${to}; i++)); do
    word=\${${words}[i]}
    if [[ -n $skip ]]; then skip=''; continue; fi
    case "$at $word" in
${valueCases(tree)}
    esac
    case "$at/$word" in
${tree
  .flatMap(({ path, commands }) =>
    commands.map(({ name }) => `      ${quote(`${path}/${name}`)}) at=${quote(join(path, name))} ;;`),
  )
  .join('\n')}
    esac
  done`;

function valueCases(tree: readonly CompletionNode[]): string {
  const words = tree.flatMap(({ path, options }) =>
    options
      .filter(({ takesValue }) => takesValue)
      .flatMap(({ flags }) => flags.map((flag) => quote(`${path} ${flag}`))),
  );
  return `      ${words.join('|')}) skip=1; continue ;;`;
}

/** What fits where one is: words in `found`, and whether files do. */
const candidates = (tree: readonly CompletionNode[]) => `
  local found='' files=''
  case "$at $previous" in
${tree
  .flatMap(({ path, options }) =>
    options
      .filter(({ takesValue }) => takesValue)
      .map(({ flags, choices }) => {
        const pattern = flags.map((flag) => quote(`${path} ${flag}`)).join('|');
        return `    ${pattern}) ${choices.length === 0 ? 'files=1' : `found=${quote(choices.join(' '))}`} ;;`;
      }),
  )
  .join('\n')}
    *) case "$at" in
${tree.map((node) => `      ${quote(node.path)}) found=${quote(wordsOf(node).join(' '))}${node.files ? '; files=1' : ''} ;;`).join('\n')}
      esac ;;
  esac`;

function wordsOf({ commands, options, choices }: CompletionNode): string[] {
  return [...commands.map(({ name }) => name), ...choices, ...options.flatMap(({ flags }) => flags)];
}

/** Bash 4 or later. Options are offered once a `-` was typed. */
export function bashScript(tree: readonly CompletionNode[]): string {
  return `_iot_host() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]}${walk('COMP_WORDS', '1', 'COMP_CWORD', tree)}
${candidates(tree)}
  COMPREPLY=()
  for word in $found; do
    if [[ $word == "$current"* && ($word != -* || $current == -*) ]]; then COMPREPLY+=("$word"); fi
  done
  if [[ -n $files && $current != -* ]]; then
    compopt -o filenames 2>/dev/null
    while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -f -- "$current")
  fi
}
complete -F _iot_host iot-host`;
}

/** Its arrays begin with 1, and the first is the program. */
export function zshScript(tree: readonly CompletionNode[]): string {
  return `#compdef iot-host
_iot_host() {
  local current=\${words[CURRENT]} previous=\${words[CURRENT-1]}${walk('words', '2', 'CURRENT', tree)}
${candidates(tree)}
  for word in \${=found}; do
    if [[ $word != -* || $current == -* ]]; then compadd -- $word; fi
  done
  if [[ -n $files && $current != -* ]]; then _files; fi
}
compdef _iot_host iot-host`;
}

/** Fish keeps the tree itself: one line for each word, under the condition that it fits there. */
export function fishScript(tree: readonly CompletionNode[]): string {
  const lines = tree.flatMap(({ path, commands, options, choices, files }) => {
    const here = `complete -c iot-host -n ${quote(`__iot_host_at ${path}`.trimEnd())}`;
    return [
      ...(files ? [`${here} -F`] : []),
      ...commands.map(({ name, summary }) => `${here} -a ${quote(name)} -d ${quote(summary)}`),
      ...choices.map((word) => `${here} -a ${quote(word)}`),
      ...options.map(({ flags, summary, takesValue, choices: values }) => {
        const names = flags.map((flag) =>
          flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`,
        );
        const value = values.length > 0 ? ` -x -a ${quote(values.join(' '))}` : takesValue ? ' -r' : '';
        return `${here} ${names.join(' ')}${value} -d ${quote(summary)}`;
      }),
    ];
  });
  return `function __iot_host_at
  set -l at
  for word in (commandline -opc)[2..-1]
    contains -- (string join ' ' $at $word) ${tree
      .filter(({ path }) => path !== '')
      .map(({ path }) => quote(path))
      .join(' ')}
    and set -a at $word
  end
  test "$at" = "$argv"
end
complete -c iot-host -f
${lines.join('\n')}`;
}

const join = (path: string, name: string) => (path === '' ? name : `${path} ${name}`);
