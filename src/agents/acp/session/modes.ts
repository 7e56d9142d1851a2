import { type ClientContext, methods } from '@agentclientprotocol/sdk';
import type { Log } from '../../../core/log.ts';
import { isObject } from '../../../core/object.ts';
import type { AskingModes } from '../connection/presets.ts';

/** Modes of agents nobody has looked at, in which they ask before they act: by the last word of their ids. */
const COMMON = ['default', 'ask', 'manual'];

/** Modes in which an agent does less than when it asks: it may go into these by itself. */
const STRICTER = new Set(['plan', 'read-only']);

/** How often a mode that the agent has left is put back, per session: two that insist would go on for ever. */
const MAX_PUT_BACK = 5;

/** The mode of one session of an agent: how far it asks before it acts (`--permission ask` and `deny`). */
export interface SessionMode {
  /** Puts the session into the mode that asks, where it is in another. False: it has none, or does not obey. Never rejects. */
  hold(): Promise<boolean>;
  /** Takes an update of the session: a mode that the agent changes by itself is put back. */
  take(update: Record<string, unknown>): void;
  /** The mode that asks, for a session that is taken up again and does not tell its modes; null: none. */
  readonly asking: string | null;
}

/** How a mode is set: as a mode of the session, or as the option with this id. */
type Way = { optionId: string | null };

/**
 * The mode of a session. `answer` is what the agent answered when the session began or was taken up again;
 * `wanted` are the modes that do, the best one first; `known` is set although the answer does not name it.
 */
export function createSessionMode(options: {
  agent: ClientContext;
  sessionId: string;
  answer: unknown;
  wanted: readonly string[];
  known: string | null;
  log: Log;
}): SessionMode {
  const { agent, sessionId, answer, wanted, known, log } = options;
  const offers = offersOf(answer);
  const asking = offers.length === 0 ? known : askingAmong(offers, wanted);
  const ways: Way[] =
    offers.length === 0 ? [{ optionId: null }] : offers.filter(({ ids }) => ids.includes(asking ?? ''));
  let current = offers.find(({ ids }) => ids.includes(asking ?? ''))?.current ?? null;
  let setting: Promise<boolean> | null = null;
  let putBack = 0;
  /** What the agent told of its mode while one was being set: it may be what it has left, or gone back to. */
  let toldMeanwhile: string | null = null;

  async function set(mode: string): Promise<boolean> {
    for (const { optionId } of ways) {
      try {
        if (optionId === null)
          await agent.request(methods.agent.session.setMode, { sessionId, modeId: mode });
        else {
          const option = { sessionId, configId: optionId, value: mode };
          const answer: unknown = await agent.request(methods.agent.session.setConfigOption, option);
          const told = isObject(answer) ? modeOf(answer.configOptions) : null;
          if (told !== null && told !== mode) continue;
        }
        current = mode;
        return true;
      } catch (error) {
        log.debug(`agent: it does not go into mode "${mode}": ${(error as Error).message}`);
      }
    }
    return false;
  }

  function hold(): Promise<boolean> {
    if (asking === null || putBack > MAX_PUT_BACK) return Promise.resolve(false);
    if (current === asking) return Promise.resolve(true);
    setting ??= set(asking).finally(() => {
      setting = null;
      const told = toldMeanwhile;
      toldMeanwhile = null;
      if (told !== null) take(told);
    });
    return setting;
  }

  async function returnFrom(mode: string): Promise<void> {
    putBack += 1;
    const isBack = putBack <= MAX_PUT_BACK && (await hold());
    const end = isBack ? `it was put back into "${asking}"` : 'it may act without asking';
    log.warn(`agent: it went into mode "${mode}" by itself; ${end}`);
  }

  function take(mode: string): void {
    if (mode === current) return;
    current = mode;
    if (asking === null || mode === asking) return;
    if (STRICTER.has(lastWordOf(mode))) log.info(`agent: it went into mode "${mode}"`);
    else void returnFrom(mode);
  }

  return {
    hold,
    take(update) {
      const mode = modeIn(update);
      if (mode === null) return;
      if (setting === null) take(mode);
      else toldMeanwhile = mode;
    },
    asking,
  };
}

/** The modes that are wanted under a policy: those of a known agent, then those that usually ask. */
export function wantedModes(policy: keyof AskingModes, known: AskingModes | null): readonly string[] {
  return [...(known?.[policy] ?? []), ...COMMON];
}

interface Offer extends Way {
  ids: string[];
  current: string | null;
}

/** The modes that an answer offers, under each way to set them. */
function offersOf(answer: unknown): Offer[] {
  if (!isObject(answer)) return [];
  const { modes, configOptions } = answer;
  const offers: Offer[] = [];
  if (isObject(modes) && Array.isArray(modes.availableModes)) {
    const ids = modes.availableModes.flatMap((mode) => (isObject(mode) ? textIn(mode.id) : []));
    offers.push({ optionId: null, ids, current: textIn(modes.currentModeId)[0] ?? null });
  }
  for (const option of modeOptionsIn(configOptions)) {
    const ids = choicesOf(option.options);
    offers.push({ optionId: String(option.id), ids, current: textIn(option.currentValue)[0] ?? null });
  }
  return offers;
}

function askingAmong(offers: readonly Offer[], wanted: readonly string[]): string | null {
  const ids = offers.flatMap((offer) => offer.ids);
  for (const name of wanted) {
    const found = ids.find((id) => id === name) ?? ids.find((id) => lastWordOf(id) === name);
    if (found !== undefined) return found;
  }
  return null;
}

/** The mode that an update tells of; null: it is about something else. */
function modeIn(update: Record<string, unknown>): string | null {
  if (update.sessionUpdate === 'current_mode_update') return textIn(update.currentModeId)[0] ?? null;
  if (update.sessionUpdate !== 'config_option_update') return null;
  return modeOf(update.configOptions);
}

/** The mode that options of a session say. */
function modeOf(configOptions: unknown): string | null {
  return modeOptionsIn(configOptions).flatMap(({ currentValue }) => textIn(currentValue))[0] ?? null;
}

function modeOptionsIn(configOptions: unknown): Record<string, unknown>[] {
  if (!Array.isArray(configOptions)) return [];
  return configOptions.filter((option) => isObject(option) && option.category === 'mode');
}

/** The values of a choice, which may stand in groups. */
function choicesOf(options: unknown): string[] {
  if (!Array.isArray(options)) return [];
  return options.flatMap((one) => {
    if (!isObject(one)) return [];
    return Array.isArray(one.options) ? choicesOf(one.options) : textIn(one.value);
  });
}

/** The last word of an id: some are whole addresses, `https://.../session-modes#agent`. */
function lastWordOf(id: string): string {
  return id.toLowerCase().split(/[#/:]/).at(-1) ?? '';
}

function textIn(value: unknown): string[] {
  return typeof value === 'string' && value !== '' ? [value] : [];
}
