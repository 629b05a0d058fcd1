import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { IotError } from '../errors.js';
import type { Environment } from '../paths.js';
import { expandEnvironment } from './expand.js';
import type { Fault } from './faults.js';
import type { Problem } from './problem.js';

/** A YAML file that remembers where everything stood. */
export interface YamlSource {
  readonly file: string;
  readonly value: unknown;
  /** Offset of the value at `path`; of the nearest thing around it where there is none. */
  valueAt(path: readonly PropertyKey[]): number;
  /** Offset of what is wrong at `path`: the value there or, with `isKey`, its key. */
  faultAt(fault: Pick<Fault, 'path' | 'isKey'>): number;
  /** Whether the file says something at `path`, and the environment variables that were put into it. */
  origin(path: readonly PropertyKey[]): { readonly variables: readonly string[] } | undefined;
  /** Line of an offset, from 1. */
  lineAt(offset: number): number;
  /** `file:line:column` of an offset. */
  placeAt(offset: number): string;
  /** E_CONFIG with one line for each problem: `file:line:column: key: what`. */
  error(problems: readonly Problem[]): IotError;
}

/** Throws E_CONFIG with every syntax error and every variable that is not set. */
export function readYaml(file: string, text: string, environment: Environment): YamlSource {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  const error = (problems: readonly Problem[]) =>
    new IotError('E_CONFIG', problems.map((problem) => line(file, lineCounter, problem)).join('\n'));
  const syntax = document.errors.map(({ message, pos }) => ({
    offset: pos[0],
    key: '',
    text: lower(message),
  }));
  if (syntax.length > 0) throw error(syntax);
  const { problems, variables } = expandEnvironment(document, environment);
  if (problems.length > 0) throw error(problems);

  const resolve = (node: unknown) =>
    (isAlias(node) ? node.resolve(document) : node) as Node | null | undefined;
  const pairAt = (node: Node | null | undefined, name: PropertyKey) =>
    isMap(node)
      ? node.items.find(({ key }) => isScalar(key) && String(key.value) === String(name))
      : undefined;
  const walk = (path: readonly PropertyKey[]) => {
    let node = resolve(document.contents);
    let offset = node?.range?.[0] ?? 0;
    let found = 0;
    for (const part of path) {
      const pair = pairAt(node, part);
      const child = isSeq(node) && typeof part === 'number' ? node.items[part] : pair?.value;
      if (child === undefined) break;
      // An empty value has no place of its own worth showing: its key has.
      const shown = (child as Node | null)?.range ?? (pair?.key as Node | undefined)?.range;
      offset = shown?.[0] ?? offset;
      node = resolve(child);
      found += 1;
    }
    return { node, offset, whole: found === path.length };
  };

  return {
    file,
    value: toPlain(() => document.toJS(), error),
    valueAt: (path) => walk(path).offset,
    faultAt({ path, isKey }) {
      if (!isKey) return walk(path).offset;
      const { node, offset } = walk(path.slice(0, -1));
      const pair = pairAt(node, path.at(-1) ?? '');
      return (pair?.key as Node | undefined)?.range?.[0] ?? offset;
    },
    origin(path) {
      const { node, whole } = walk(path);
      return whole ? { variables: variables.get(node) ?? [] } : undefined;
    },
    placeAt: (offset) => place(file, lineCounter, offset),
    lineAt: (offset) => Math.max(lineCounter.linePos(offset).line, 1),
    error,
  };
}

/** `toJS` refuses aliases that would blow up (a "billion laughs" file). */
function toPlain(convert: () => unknown, error: (problems: Problem[]) => IotError): unknown {
  try {
    return convert();
  } catch (thrown) {
    throw error([
      { offset: 0, key: '', text: lower(thrown instanceof Error ? thrown.message : String(thrown)) },
    ]);
  }
}

function line(file: string, lines: LineCounter, { offset, key, text }: Problem): string {
  return `${place(file, lines, offset)}: ${key === '' ? '' : `${key}: `}${text}`;
}

function place(file: string, lines: LineCounter, offset: number): string {
  const { line, col } = lines.linePos(offset);
  return `${file}:${Math.max(line, 1)}:${Math.max(col, 1)}`;
}

const lower = (text: string) => text.charAt(0).toLowerCase() + text.slice(1).replace(/\.$/, '');
