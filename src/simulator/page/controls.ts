import { signal } from '@preact/signals';
import type { UserMessage } from '../phone/writing.ts';
import type { FaultInput } from '../world/fault-kinds.ts';
import type { Settings } from '../world/settings.ts';
import { phoneWords } from './words.ts';
import { added, select, state, users } from './world.ts';

const LARGEST_BYTES = 100_000_000;

/** What went wrong last, for people; null: nothing, or it was closed. */
export const trouble = signal<string | null>(null);

/** Says what went wrong. */
export function complain(thrown: unknown): void {
  trouble.value = thrown instanceof Error ? thrown.message : String(thrown);
}

/** Asks the simulator for a change; null: it refused, which is shown. */
export async function change(
  name: string,
  body: object | Blob = {},
): Promise<Record<string, unknown> | null> {
  try {
    const isBlob = body instanceof Blob;
    const response = await fetch(`/_sim/${name}`, {
      method: 'POST',
      headers: { 'content-type': isBlob ? 'application/octet-stream' : 'application/json' },
      body: isBlob ? body : JSON.stringify(body),
    });
    const answer = (await response.json()) as { error?: string; hint?: string };
    if (response.ok) {
      trouble.value = null;
      return answer;
    }
    trouble.value = [answer.error ?? `HTTP ${response.status}`, answer.hint].filter(Boolean).join('; ');
  } catch {
    trouble.value = phoneWords().lost;
  }
  return null;
}

/** A user writes. Resolves to whether it was sent. */
export async function write(user: string, message: UserMessage): Promise<boolean> {
  return (await change('message', { user, ...message })) !== null;
}

/** A user sends files, one message each, in order; `picture`: as such where they are pictures or films. */
export async function writeFiles(user: string, files: File[], as: 'picture' | 'file'): Promise<boolean> {
  for (const file of files) {
    if (file.size > LARGEST_BYTES) {
      trouble.value = phoneWords().tooLarge(file.name);
      return false;
    }
    const kind = as === 'file' ? 'file' : kindOf(file.type);
    const base64 = await base64Of(file).catch(() => null);
    if (base64 === null) {
      trouble.value = phoneWords().notReadable(file.name);
      return false;
    }
    const media = { base64, ...(kind === 'file' ? { name: file.name } : {}) };
    if (!(await write(user, { [kind]: media }))) return false;
  }
  return true;
}

/** A user sends a voice message: the recording becomes what phones send. */
export async function writeVoice(user: string, wav: Blob, transcript?: string): Promise<boolean> {
  const silk = await change('silk', wav);
  if (!silk) return false;
  return write(user, { voice: { ...silk, ...(transcript === undefined ? {} : { transcript }) } });
}

/** One more user, who may write; their phone is looked at. */
export async function addUser(name: string): Promise<void> {
  const user = `${name}@im.wechat`;
  if (!users.value.includes(user)) added.value = [...added.value, user];
  select(user);
  await change('settings', { strangers: true });
}

/** Changes a setting of the simulator. */
export function set(settings: Partial<Settings>): Promise<unknown> {
  return change('settings', settings);
}

/** Faults that the page has switches for. */
export const FAULTS = {
  refuse: { endpoint: 'sendmessage', kind: 'answer', body: { ret: -2, errmsg: 'prepare failed' } },
  drop: { endpoint: 'sendmessage', kind: 'drop' },
  slow: { endpoint: '*', kind: 'delay', afterMs: 3_000 },
  offline: { endpoint: '*', kind: 'reset' },
} as const satisfies Record<string, FaultInput>;

/** The rules that a switch stands for. */
export function rulesOf(name: keyof typeof FAULTS): number[] {
  const { endpoint, kind } = FAULTS[name];
  const rules = state.value?.faults ?? [];
  return rules.filter((rule) => rule.endpoint === endpoint && rule.kind === kind).map(({ id }) => id);
}

/** Lets a fault strike from now on, or no more. */
export async function switchFault(name: keyof typeof FAULTS, on: boolean): Promise<void> {
  if (on) await change('faults', FAULTS[name]);
  else for (const id of rulesOf(name)) await change('clear-faults', { id });
}

function kindOf(type: string): 'image' | 'video' | 'file' {
  if (type === 'video/mp4') return 'video';
  return /^image\/(png|jpeg|gif|webp)$/.test(type) ? 'image' : 'file';
}

function base64Of(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result).replace(/^[^,]*,/, ''));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}
