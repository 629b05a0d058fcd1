import type { z } from 'zod';
import { nearest } from '../nearest.js';
import { formNames, isMapping, knownKeys, typeText } from './forms.js';

/** Something in a value that its schema does not allow. */
export interface Fault {
  readonly path: readonly PropertyKey[];
  /** Whether the key is what is wrong, not what it holds. */
  readonly isKey: boolean;
  /** What was expected. Values are not repeated: one may have come from the environment and be a secret. */
  readonly text: string;
}

/** What a fault is in. */
export interface Within {
  readonly schema: z.ZodType;
  readonly value: unknown;
  readonly beside: readonly string[];
}

/** What the checker found, in words. */
export function faultsOf(issue: z.core.$ZodIssue, within: Within): Fault[] {
  const { path } = issue;
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(within.schema, path, within.value);
    if (path.length === 0) known.push(...within.beside);
    return issue.keys.map((name) => ({
      path: [...path, name],
      isKey: true,
      // Whoever sends a value may have put thousands into it, of which only a few are ever named.
      get text() {
        return unknownKey(name, known);
      },
    }));
  }
  if (issue.code === 'invalid_union') return unionFaults(issue, within);
  return [{ path, isKey: issue.code === 'invalid_key', text: expectation(issue) }];
}

function unknownKey(name: string, known: readonly string[]): string {
  if (known.length === 0) return 'unknown key, there is nothing to set here';
  const meant = nearest(name, known);
  return meant === undefined
    ? `unknown key, known here: ${known.join(', ')}`
    : `unknown key, did you mean "${meant}"?`;
}

/** What is wrong with the one form that was meant; where that is not to be seen, which forms there are. */
function unionFaults(issue: z.core.$ZodIssueInvalidUnion, within: Within): Fault[] {
  const { path, input } = issue;
  const { discriminator } = issue as { discriminator?: string };
  if (discriminator !== undefined) {
    const forms = formNames(within.schema, path, within.value);
    const given = isMapping(input) ? input[discriminator] : undefined;
    return [{ path, isKey: false, text: choice(forms, given) }];
  }
  if (issue.message !== 'Invalid input') return [{ path, isKey: false, text: message(issue) }];
  const ofItsKind = issue.errors.filter((issues) => !issues.some(isOtherKind));
  const withItsKeys = ofItsKind.filter((issues) => !issues.some(({ code }) => code === 'unrecognized_keys'));
  const [meant, another] = withItsKeys.length > 0 ? withItsKeys : ofItsKind;
  if (meant !== undefined && another === undefined) {
    return meant.flatMap((inner) => faultsOf({ ...inner, path: [...path, ...inner.path] }, within));
  }
  const forms = formNames(within.schema, path, within.value);
  const [key] = isMapping(input) ? Object.keys(input) : [];
  const near = key === undefined ? undefined : nearest(key, knownKeys(within.schema, path, within.value));
  const suggestion = near === undefined || near === key ? '' : `; did you mean "${near}"?`;
  const missing = input === undefined || input === null ? 'is missing, ' : '';
  const expected = forms.length === 0 ? 'something else' : listed(forms);
  return [{ path, isKey: false, text: `${missing}expected ${expected}${suggestion}` }];
}

/** A number where a mapping is expected, and the like: the value as a whole is another thing. */
function isOtherKind({ code, path }: z.core.$ZodIssue): boolean {
  return path.length === 0 && (code === 'invalid_type' || code === 'invalid_value');
}

const listed = (forms: readonly string[]) => forms.join(', ').replace(/, (?=[^,{}]+$|\{[^{}]*\}$)/, ' or ');

function choice(values: readonly string[], given: unknown): string {
  const expected = `expected ${values.length === 1 ? '' : 'one of '}${values.join(', ')}`;
  if (given === undefined || given === null) return `is missing, ${expected}`;
  const meant = typeof given === 'string' ? nearest(given, values) : undefined;
  return `${expected}${meant === undefined ? '' : `; did you mean "${meant}"?`}`;
}

function expectation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type': {
      const expected = typeText(issue.expected);
      const { input } = issue;
      return input === undefined || input === null
        ? `is missing, expected ${expected}`
        : `expected ${expected}, found ${typeText(Array.isArray(input) ? 'array' : typeof input)}`;
    }
    case 'invalid_value':
      return choice(issue.values.map(String), issue.input);
    case 'too_small':
      return `expected ${issue.inclusive ? 'at least' : 'more than'} ${issue.minimum}${counted(issue.origin, issue.minimum)}`;
    case 'too_big':
      return `expected ${issue.inclusive ? 'at most' : 'less than'} ${issue.maximum}${counted(issue.origin, issue.maximum)}`;
    case 'invalid_key':
      return message(issue.issues[0] ?? issue);
    default:
      return message(issue);
  }
}

/** What a limit counts, where it is not the value itself. */
function counted(origin: string, limit: number | bigint): string {
  if (origin === 'string') return limit === 1 ? ' character' : ' characters';
  if (origin !== 'array' && origin !== 'set') return '';
  return limit === 1 ? ' entry' : ' entries';
}

/** A text of the schema's own, or zod's where it has none, in the manner of ours. */
function message({ message: text }: z.core.$ZodIssue): string {
  if (text === 'Invalid input') return 'not acceptable';
  return text
    .replace(/^Invalid (string|input|number): /, '')
    .replace(/^Invalid /, 'not a valid ')
    .replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase());
}
