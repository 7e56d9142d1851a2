import { WxError } from '../../core/errors.ts';
import { isObject } from '../../core/object.ts';
import type { UserMessage } from '../phone/writing.ts';
import type { FaultInput } from '../world/fault-kinds.ts';
import type { SimulatorControl } from './control.ts';

type FieldType = 'string' | 'number' | 'boolean' | 'object' | 'array' | 'text-or-null';

const MESSAGE_FIELDS: Record<string, FieldType> = {
  user: 'string',
  bot: 'string',
  text: 'string',
  image: 'object',
  voice: 'object',
  file: 'object',
  video: 'object',
  quote: 'object',
  items: 'array',
  message: 'object',
};

/** One control that changes something: by POST, or as a line of a script. */
type CallOf = (control: SimulatorControl, body: Record<string, unknown>) => unknown;

const noFields = (run: (control: SimulatorControl) => unknown): CallOf => {
  return (control, body) => {
    readFields(body, {});
    return run(control);
  };
};

/** The controls by name (docs/simulator.md). */
export const CALLS: Readonly<Record<string, CallOf>> = {
  message: (control, body) => control.message(readMessage(body)),
  messages: (control, body) => {
    const { messages } = readFields<{ messages?: unknown[] }>(body, { messages: 'array' });
    return control.messages((messages ?? []).map(readMessage));
  },
  raw: (control, body) => control.raw(JSON.stringify(body)),
  scan: (control, body) =>
    control.scan(
      readFields(body, {
        qrcode: 'string',
        user: 'string',
        verifyCode: 'text-or-null',
        redirectHost: 'text-or-null',
        confirm: 'boolean',
      }),
    ),
  confirm: noFields((control) => control.confirm()),
  refuse: noFields((control) => control.refuse()),
  expire: noFields((control) => control.expire()),
  verify: (control, body) =>
    control.verify(readFields<{ code?: string }>(body, { code: 'string' }).code ?? ''),
  bots: (control, body) => control.createBot(readFields<{ user?: string }>(body, { user: 'string' }).user),
  kill: (control, body) => control.kill(readFields(body, { user: 'string', bot: 'string' })),
  budget: (control, body) => {
    const { left, user } = readFields<{ left?: number; user?: string }>(body, {
      left: 'number',
      user: 'string',
    });
    return control.setBudget(left ?? 0, user);
  },
  clock: (control, body) => {
    const { advanceMs } = readFields<{ advanceMs?: number }>(body, { advanceMs: 'number' });
    return { timeMs: control.advance(advanceMs ?? 0) };
  },
  settings: (control, body) => {
    if (!isObject(body)) throw new WxError('usage', 'the body is an object');
    return control.changeSettings(body);
  },
  faults: (control, body) => control.addFault(body as unknown as FaultInput),
  'clear-faults': (control, body) => {
    control.clearFaults(readFields<{ id?: number }>(body, { id: 'number' }).id);
    return { faults: control.faults() };
  },
  reset: noFields((control) => {
    control.reset();
    return {};
  }),
};

function readMessage(body: unknown): UserMessage {
  const message = readFields<UserMessage>(body, MESSAGE_FIELDS);
  if (message.quote) {
    if (typeof message.quote.id !== 'string') throw new WxError('usage', 'quote.id: a message id, quoted');
    readFields(message.quote, { id: 'string', form: 'string', selection: 'string' });
  }
  return message;
}

/** The named fields of an object from outside; throws `usage` for another name or a value of another type. */
function readFields<T>(body: unknown, fields: Record<string, FieldType>): T {
  if (!isObject(body)) throw new WxError('usage', 'the body is an object');
  for (const [name, value] of Object.entries(body)) {
    const type = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (type === undefined) {
      throw new WxError('usage', `unknown field "${name}"`, {
        hint: `known: ${Object.keys(fields).join(', ') || 'none'}`,
      });
    }
    if (!isOf(value, type)) throw new WxError('usage', `${name}: ${type.replaceAll('-', ' ')} expected`);
  }
  return body as T;
}

function isOf(value: unknown, type: FieldType): boolean {
  switch (type) {
    case 'array':
      return Array.isArray(value);
    case 'object':
      return isObject(value);
    case 'text-or-null':
      return value === null || typeof value === 'string';
    default:
      return typeof value === type;
  }
}
