import { NAME_PATTERN } from '../../core/name.ts';
import { isObject } from '../../core/object.ts';

/** JSON Schema, as far as the API uses it. What the OpenAPI document shows is what is checked. */
export type Schema = { readonly description?: string } & (
  | TextSchema
  | { type: 'integer'; minimum?: number; maximum?: number }
  | { type: 'boolean' }
  | { type: 'null' }
  | { type: 'array'; items: Schema; maxItems?: number }
  | ObjectSchema
  | { anyOf: readonly Schema[] }
);

interface TextSchema {
  type: 'string';
  enum?: readonly string[];
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  format?: 'date-time' | 'binary';
}

/** An object with these fields and no others. */
export interface ObjectSchema {
  type: 'object';
  properties: Readonly<Record<string, Schema>>;
  required: readonly string[];
  additionalProperties: false;
}

/** Texts, numbers and times that need no more words. */
export const TEXT = { type: 'string' } as const satisfies Schema;
export const TIME = { type: 'string', format: 'date-time' } as const satisfies Schema;
export const COUNT = { type: 'integer', minimum: 0 } as const satisfies Schema;
export const YES_NO = { type: 'boolean' } as const satisfies Schema;

/** A name that somebody gives, and the digits that a phone shows: people type these. */
export const NAME = { type: 'string', pattern: NAME_PATTERN } as const satisfies Schema;
export const DIGITS = { type: 'string', pattern: '^[0-9]{1,12}$' } as const satisfies Schema;

/** What is typed by people, in words that they read. */
const FORMS: Readonly<Record<string, string>> = {
  [NAME.pattern]: 'up to 64 letters, digits, "_", "." or "-"',
  [DIGITS.pattern]: 'up to 12 digits',
};

/** An object of which every field is there. */
export function objectOf(properties: ObjectSchema['properties']): ObjectSchema {
  return optionalOf(properties, Object.keys(properties));
}

/** An object of which only the `required` fields must be there. */
export function optionalOf(
  properties: ObjectSchema['properties'],
  required: readonly string[] = [],
): ObjectSchema {
  return { type: 'object', properties, required, additionalProperties: false };
}

export function listOf(items: Schema): Schema {
  return { type: 'array', items };
}

/** What this schema describes, or null. */
export function orNull(schema: Schema): Schema {
  return { anyOf: [schema, { type: 'null' }] };
}

export function oneOf(...words: readonly string[]): Schema {
  return { type: 'string', enum: words };
}

/** What is wrong with a value that came in, as a sentence; null: nothing. */
export function faultOf(schema: Schema, value: unknown, name: string): string | null {
  if ('anyOf' in schema) {
    const faults = schema.anyOf.map((one) => faultOf(one, value, name));
    return faults.includes(null) ? null : (faults[0] ?? null);
  }
  switch (schema.type) {
    case 'object':
      return faultOfObject(schema, value, name);
    case 'array': {
      if (!Array.isArray(value)) return `${name} is a list`;
      const { items, maxItems = Number.POSITIVE_INFINITY } = schema;
      if (value.length > maxItems) return `${name} has at most ${maxItems} entries`;
      return first(value.map((item, index) => faultOf(items, item, `${name}[${index}]`)));
    }
    case 'boolean':
      return typeof value === 'boolean' ? null : `${name} is true or false`;
    case 'null':
      return value === null ? null : `${name} is null`;
    case 'integer': {
      const { minimum = Number.MIN_SAFE_INTEGER, maximum = Number.MAX_SAFE_INTEGER } = schema;
      const isRight = Number.isSafeInteger(value) && Number(value) >= minimum && Number(value) <= maximum;
      return isRight ? null : `${name} is a whole number from ${minimum} to ${maximum}`;
    }
    case 'string':
      return faultOfText(schema, value, name);
  }
}

function faultOfObject({ properties, required }: ObjectSchema, value: unknown, name: string): string | null {
  if (!isObject(value)) return `${name} is an object`;
  const foreign = Object.keys(value).find((key) => !Object.hasOwn(properties, key));
  if (foreign !== undefined) return `${name} has no field ${JSON.stringify(foreign.slice(0, 80))}`;
  const missing = required.find((key) => value[key] === undefined);
  if (missing !== undefined) return `${missing} is missing`;
  const given = Object.entries(properties).filter(([key]) => value[key] !== undefined);
  return first(given.map(([key, schema]) => faultOf(schema, value[key], key)));
}

function faultOfText(schema: TextSchema, value: unknown, name: string): string | null {
  const { enum: words, pattern, minLength = 0, maxLength = Number.POSITIVE_INFINITY, format } = schema;
  if (typeof value !== 'string') return `${name} is a text`;
  if (words && !words.includes(value)) return `${name} is one of ${words.join(', ')}`;
  if (value.length < minLength) return `${name} is empty`;
  if (value.length > maxLength) return `${name} has at most ${maxLength} characters`;
  if (pattern !== undefined && !new RegExp(pattern, 'u').test(value))
    return `${name} is ${FORMS[pattern] ?? `of the form ${pattern}`}`;
  if (format === 'date-time' && Number.isNaN(timeOf(value)))
    return `${name} is a time such as 2026-11-29T12:00:00Z`;
  return null;
}

/** A time as RFC 3339 writes it, in milliseconds; NaN for anything else. */
export function timeOf(text: string): number {
  const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/i.test(text);
  return isTime ? Date.parse(text) : Number.NaN;
}

function first(faults: readonly (string | null)[]): string | null {
  return faults.find((fault) => fault !== null) ?? null;
}
