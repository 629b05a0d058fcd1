import { z } from 'zod';
import { nearest } from '../nearest.js';
import { keyPath, type Problem } from './problem.js';
import type { YamlSource } from './source.js';

/** Checks a file against a schema. Throws E_CONFIG with everything that is wrong at once, in the file's order. */
export function validate<T>(source: YamlSource, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(source.value, { reportInput: true });
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.flatMap((issue) => describe(issue, source, schema));
  throw source.error(problems.sort((a, b) => a.offset - b.offset));
}

function describe(issue: z.core.$ZodIssue, source: YamlSource, schema: z.ZodType): Problem[] {
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(schema, issue.path);
    return issue.keys.map((name) => ({
      offset: source.keyAt(issue.path, name),
      key: keyPath([...issue.path, name]),
      text: unknownKey(name, known),
    }));
  }
  return [{ offset: source.valueAt(issue.path), key: keyPath(issue.path), text: expectation(issue) }];
}

function unknownKey(name: string, known: readonly string[]): string {
  const meant = nearest(name, known);
  return meant === undefined
    ? `unknown key, known here: ${known.join(', ')}`
    : `unknown key, did you mean "${meant}"?`;
}

/** What was expected. Values are not repeated: one may have come from the environment and be a secret. */
function expectation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type': {
      const expected = TYPE_NAMES[issue.expected] ?? issue.expected;
      return issue.input === undefined || issue.input === null
        ? `is missing, expected ${expected}`
        : `expected ${expected}, found ${typeName(issue.input)}`;
    }
    case 'invalid_value': {
      const values = issue.values.map(String);
      const meant = typeof issue.input === 'string' ? nearest(issue.input, values) : undefined;
      const suggestion = meant === undefined ? '' : `; did you mean "${meant}"?`;
      return `expected one of ${values.join(', ')}${suggestion}`;
    }
    case 'too_small':
      return `expected ${issue.inclusive ? 'at least' : 'more than'} ${issue.minimum}`;
    case 'too_big':
      return `expected ${issue.inclusive ? 'at most' : 'less than'} ${issue.maximum}`;
    case 'invalid_key':
      return issue.issues[0]?.message ?? issue.message;
    default:
      return issue.message;
  }
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  object: 'a mapping',
  record: 'a mapping',
  array: 'a list',
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
};

function typeName(value: unknown): string {
  const kind = Array.isArray(value) ? 'array' : typeof value;
  return TYPE_NAMES[kind] ?? kind;
}

/** Keys of the mapping at `path`, read off the schema's JSON Schema form: that form is public, zod's inside is not. */
function knownKeys(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let node = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema | undefined;
  for (const part of path) {
    if (typeof part === 'number') node = node?.items;
    else node = node?.properties?.[String(part)] ?? node?.additionalProperties;
  }
  return Object.keys(node?.properties ?? {});
}

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly additionalProperties?: JsonSchema;
}
