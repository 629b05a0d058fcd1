import { z } from 'zod';

/** What is read of a schema's JSON Schema form: that form is public, zod's inside is not. */
interface Form {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Form>>;
  readonly required?: readonly string[];
  /** Of a list; of one with a form for each place `prefixItems`. */
  readonly items?: Form;
  readonly prefixItems?: readonly Form[];
  /** `false`: none. */
  readonly additionalProperties?: Form | boolean;
  readonly anyOf?: readonly Form[];
  readonly oneOf?: readonly Form[];
  readonly minimum?: number;
  readonly maximum?: number;
}

const SAFE = Number.MAX_SAFE_INTEGER;

/** By schema: to make one takes longer than to check a value. */
const made = new WeakMap<z.ZodType, Form | undefined>();

function formOf(schema: z.ZodType): Form | undefined {
  if (!made.has(schema)) {
    try {
      made.set(schema, z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Form);
    } catch {
      // One that has none is described without it.
      made.set(schema, undefined);
    }
  }
  return made.get(schema);
}

/** Keys that the mapping at `path` of `value` may have. */
export function knownKeys(schema: z.ZodType, path: readonly PropertyKey[], value: unknown): string[] {
  return [...new Set(formsAt(schema, path, value).flatMap((form) => Object.keys(form.properties ?? {})))];
}

/** What may stand at `path` of `value`, in words: `0`, `a whole number from 0 to 31`, `{uart: …}`. */
export function formNames(schema: z.ZodType, path: readonly PropertyKey[], value: unknown): string[] {
  return [...new Set(formsAt(schema, path, value).map(formName))];
}

function formsAt(schema: z.ZodType, path: readonly PropertyKey[], value: unknown): readonly Form[] {
  let forms: readonly Form[] = members(formOf(schema));
  let input = value;
  for (const part of path) {
    forms = likely(forms, input).flatMap((form) => members(child(form, part)));
    input = isMapping(input) || Array.isArray(input) ? Reflect.get(input, part) : undefined;
  }
  return likely(forms, input);
}

function child(form: Form, part: PropertyKey): Form | boolean | undefined {
  const { items, prefixItems, properties = {}, additionalProperties } = form;
  if (typeof part === 'number') return prefixItems?.[part] ?? items;
  return Object.hasOwn(properties, part) ? properties[String(part)] : additionalProperties;
}

/** The forms of a union, whichever way it is written. */
function members(form: Form | boolean | undefined): Form[] {
  if (typeof form !== 'object') return [];
  const several = form.anyOf ?? form.oneOf;
  return several === undefined ? [form] : several.flatMap(members);
}

/** Those that the fixed values in a mapping point at, like `direction: in`; all, when none or nothing does. */
function likely(forms: readonly Form[], input: unknown): readonly Form[] {
  if (!isMapping(input)) return forms;
  const meant = forms.filter(({ properties = {} }) =>
    Object.entries(properties).some(([key, form]) => 'const' in form && input[key] === form.const),
  );
  return meant.length === 0 ? forms : meant;
}

function formName(form: Form): string {
  if ('const' in form) return String(form.const);
  if (form.enum !== undefined) return form.enum.map(String).join(', ');
  if (form.properties !== undefined) {
    const keys = form.required ?? Object.keys(form.properties);
    return `{${keys.map((key) => `${key}: …`).join(', ')}}`;
  }
  const { minimum, maximum, type = 'something else' } = form;
  // What has no bounds has those of the numbers that can be told apart.
  const isBounded = Number.isSafeInteger(minimum) && Number.isSafeInteger(maximum) && maximum !== SAFE;
  return `${typeText(type)}${isBounded ? ` from ${minimum} to ${maximum}` : ''}`;
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  object: 'a mapping',
  record: 'a mapping',
  array: 'a list',
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  integer: 'a whole number',
  boolean: 'true or false',
};

/** What zod, JSON Schema or `typeof` calls a type, in words. */
export const typeText = (type: string): string => TYPE_NAMES[type] ?? type;

export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
