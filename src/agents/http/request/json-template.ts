import { WxError } from '../../../core/errors.ts';
import type { Attachment } from '../../../core/message/message.ts';
import { isObject } from '../../../core/object.ts';
import type { Environment } from '../../child/environment.ts';
import {
  type AttachmentSlot,
  fits,
  KNOWN_NAMES,
  placeholderOf,
  type TemplateValues,
} from './template-values.ts';

/** A JSON document with placeholders, checked and ready to be filled in. */
export interface JsonTemplate {
  /** The document for one turn; undefined for a lone placeholder without a value. Values are never read as templates. */
  fill(values: TemplateValues): unknown;
  readonly names: ReadonlySet<string>;
}

interface Part {
  /** Undefined where there is no value; `attachment` is the one that the list element around it is repeated for. */
  fill(values: TemplateValues, attachment: Attachment | null): unknown;
  /** Attachment placeholders in it that no list element has taken up yet. */
  open: AttachmentSlot[];
}

const PLACEHOLDER = /\{\{([^{}]*)\}\}|\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g;

/**
 * Prepares a document in whose texts `{{name}}` stands for something of the turn and `${VAR}` for a variable of the
 * environment; `where` is what it was given with. A text that is one placeholder becomes its value, whatever its type;
 * without a value its key or list element is left out. A list element with a placeholder of an attachment is
 * repeated for each one that fits. Throws WxError `usage` (64).
 */
export function prepareTemplate(document: unknown, where: string, environment: Environment): JsonTemplate {
  const names = new Set<string>();
  const root = partOf(document);
  return { names, fill: (values) => root.fill(values, null) };

  function partOf(value: unknown): Part {
    if (typeof value === 'string') return textPart(value);
    if (Array.isArray(value)) return listPart(value.map(partOf));
    if (isObject(value)) return objectPart(value);
    return { fill: () => value, open: [] };
  }

  function listPart(elements: Part[]): Part {
    if (elements.some(({ open }) => new Set(open.map(({ kind }) => kind)).size > 1))
      throw refused('has a list element for attachments of two kinds');
    return {
      open: [],
      fill: (values, attachment) =>
        elements
          .flatMap(({ fill, open }) =>
            open.length === 0
              ? [fill(values, attachment)]
              : values.attachments.filter((one) => fits(one, open)).map((one) => fill(values, one)),
          )
          .filter((value) => value !== undefined),
    };
  }

  function objectPart(object: Record<string, unknown>): Part {
    const entries = Object.entries(object).map(([key, value]) => {
      if (key.includes('{{')) throw refused(`has a placeholder in the name of a key: ${key}`);
      return { key, part: partOf(value) };
    });
    return {
      open: entries.flatMap(({ part }) => part.open),
      fill: (values, attachment) =>
        Object.fromEntries(
          entries
            .map(({ key, part }) => [key, part.fill(values, attachment)])
            .filter(([, value]) => value !== undefined),
        ),
    };
  }

  function textPart(text: string): Part {
    const parts: Part[] = [];
    let end = 0;
    for (const { 0: whole, 1: name, 2: variable = '', index } of text.matchAll(PLACEHOLDER)) {
      parts.push(...literal(text.slice(end, index)));
      parts.push(name === undefined ? fromEnvironment(variable) : fromTurn(name.trim(), whole === text));
      end = index + whole.length;
    }
    parts.push(...literal(text.slice(end)));
    if (parts.length === 1) return parts[0] as Part;
    return {
      open: parts.flatMap(({ open }) => open),
      fill: (values, attachment) => parts.map(({ fill }) => fill(values, attachment) ?? '').join(''),
    };
  }

  function literal(text: string): Part[] {
    if (text.includes('{{')) throw refused(`has a {{ that is not closed: ${text}`);
    return text === '' ? [] : [{ fill: () => text, open: [] }];
  }

  function fromEnvironment(name: string): Part {
    const value = environment[name];
    if (value !== undefined) return { fill: () => value, open: [] };
    throw refused(`uses \${${name}}, which is not set`, `export ${name}=...`);
  }

  function fromTurn(name: string, isWhole: boolean): Part {
    const meaning = placeholderOf(name);
    if (!meaning) throw refused(`has {{${name}}}, which is not a placeholder`, `there are ${KNOWN_NAMES}`);
    names.add(name);
    if ('slot' in meaning) {
      const { slot } = meaning;
      return {
        open: [slot],
        fill: ({ attachments }, attachment) =>
          (attachment ?? attachments.find((one) => fits(one, [slot])))?.[slot.field] ?? undefined,
      };
    }
    if (meaning.type === 'json' && !isWhole)
      throw refused(`has {{${name}}} inside a string, where only text is possible`);
    return { open: [], fill: ({ named }) => named[meaning.name] };
  }

  function refused(what: string, hint?: string): WxError {
    return new WxError('usage', `${where} ${what}`, hint === undefined ? {} : { hint });
  }
}
