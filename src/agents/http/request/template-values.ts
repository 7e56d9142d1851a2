import { type Attachment, eventOf, type Turn } from '../../../core/message/message.ts';
import { plainInput } from '../../port/input.ts';

/** Names that placeholders can have, and whether their values can stand inside a text. */
const TYPES = {
  text: 'text',
  message: 'text',
  user: 'text',
  account: 'text',
  sessionId: 'text',
  turn: 'text',
  id: 'text',
  time: 'text',
  kind: 'text',
  attempt: 'text',
  quote: 'text',
  conversation: 'text',
  attachments: 'json',
  event: 'json',
} as const;

/** What `{{name}}` stands for, but for those of attachments. */
export type ValueName = keyof typeof TYPES;

/** What `{{image.url}}` stands for: a field of an attachment of a kind, `attachment` being any. */
export interface AttachmentSlot {
  kind: Attachment['kind'] | 'attachment';
  field: 'kind' | 'path' | 'url' | 'base64' | 'name' | 'mime' | 'sizeBytes' | 'durationMs';
}

const SLOT = /^(attachment|image|voice|file|video)\.(kind|path|url|base64|name|mime|sizeBytes|durationMs)$/;

/** All names, for people. */
export const KNOWN_NAMES = `${Object.keys(TYPES).join(', ')}, and image.url, voice.path, file.name, attachment.base64 and the like`;

/** What a turn has for placeholders. */
export interface TemplateValues {
  /** Undefined where the turn has none. */
  named: Record<ValueName, unknown>;
  /** Those of the quote, too. */
  attachments: Attachment[];
}

/** What a name means; null: nothing. */
export function placeholderOf(
  name: string,
): { name: ValueName; type: 'text' | 'json' } | { slot: AttachmentSlot } | null {
  if (Object.hasOwn(TYPES, name)) return { name: name as ValueName, type: TYPES[name as ValueName] };
  const [, kind, field] = SLOT.exec(name) ?? [];
  return kind === undefined ? null : { slot: { kind, field } as AttachmentSlot };
}

/** What a turn puts in place of the placeholders; `conversation` is the id that the service gave to it, if any. */
export function templateValues(turn: Turn, conversation: string | null): TemplateValues {
  const event = eventOf(turn);
  return {
    named: {
      text: turn.text,
      message: plainInput(turn),
      user: turn.user,
      account: turn.account,
      sessionId: turn.sessionId,
      turn: turn.turn,
      id: turn.id,
      time: event.time,
      kind: turn.kind,
      attempt: turn.attempt,
      quote: turn.quote?.text,
      conversation: conversation ?? undefined,
      attachments: turn.attachments,
      event,
    },
    attachments: [...(turn.quote?.attachments ?? []), ...turn.attachments],
  };
}

/** Whether an attachment is of the kind of these slots, and has the bytes they ask for. */
export function fits(attachment: Attachment, slots: readonly AttachmentSlot[]): boolean {
  return slots.every(
    ({ kind, field }) =>
      (kind === 'attachment' || kind === attachment.kind) &&
      (!['path', 'url', 'base64'].includes(field) || typeof attachment[field] === 'string'),
  );
}
