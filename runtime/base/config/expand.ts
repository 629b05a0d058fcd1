import { type Document, isScalar, parseDocument, Scalar, visit } from 'yaml';
import type { Environment } from '../paths.js';
import type { Problem } from './problem.js';

/** `$${` is a literal `${`; a name may be followed by `:` and a default, which ends at the next `}`. */
const REFERENCE = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::([^}]*))?\}|\$\{/g;

/**
 * Replaces `${NAME:default}` in every scalar value of a parsed document. It works on values and not on the file's
 * text, so that what a variable holds can never add keys. A plain (unquoted) scalar gets its type anew: `${PORT:8080}`
 * is a number, `"${PORT:8080}"` stays text. Returns what could not be expanded, and which variables each value took.
 */
export function expandEnvironment(
  document: Document.Parsed,
  environment: Environment,
): { problems: Problem[]; variables: Map<unknown, readonly string[]> } {
  const problems: Problem[] = [];
  const variables = new Map<unknown, readonly string[]>();
  visit(document, {
    Scalar(key, node) {
      if (key === 'key' || typeof node.value !== 'string' || !node.value.includes('${')) return;
      const complain = (text: string) => problems.push({ offset: node.range?.[0] ?? 0, key: '', text });
      const taken: string[] = [];
      const expanded = expandText(node.value, environment, complain, taken);
      if (taken.length > 0) variables.set(node, taken);
      node.value = node.type === Scalar.PLAIN ? typed(expanded) : expanded;
    },
  });
  return { problems, variables };
}

function expandText(
  text: string,
  environment: Environment,
  complain: (text: string) => void,
  taken: string[],
): string {
  return text.replace(REFERENCE, (whole, name: string | undefined, fallback: string | undefined) => {
    if (whole === '$${') return '${';
    if (name === undefined) {
      complain(
        'a dollar sign and brace must enclose NAME or NAME:default (double the dollar sign for plain text)',
      );
      return whole;
    }
    const value = environment[name] ?? fallback;
    if (environment[name] !== undefined) taken.push(name);
    if (value === undefined) complain(`environment variable ${name} is not set and has no default`);
    return value ?? '';
  });
}

function typed(text: string): unknown {
  const { contents, errors } = parseDocument(text);
  return errors.length === 0 && isScalar(contents) && contents.type === Scalar.PLAIN ? contents.value : text;
}
