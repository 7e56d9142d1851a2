import { readdirSync } from 'node:fs';
import type { MediaSource } from '../../src/core/message/media.ts';
import type { Clock } from '../../src/core/time/clock.ts';
import { makeFolder } from '../../src/home/make-folder.ts';
import { createCdn } from '../../src/ilink/cdn.ts';
import { createHostTrust } from '../../src/ilink/hosts.ts';
import { createTransport } from '../../src/ilink/http/transport.ts';
import { readInbound } from '../../src/ilink/message/inbound.ts';
import { parseLossless } from '../../src/ilink/wire/json.ts';
import type { GetUpdatesResponse, MessageItem } from '../../src/ilink/wire/wire.ts';
import { createFetcher } from '../../src/media/download/fetch.ts';
import type { FetchRequest, FetchResult } from '../../src/media/download/port.ts';
import type { UserMessage } from '../../src/simulator/phone/writing.ts';
import type { Simulator } from '../../src/simulator/simulator.ts';

/** Fetches from a CDN, without waiting between tries. */
export interface Fetching {
  fetch(source: MediaSource, folder: string, more?: Partial<FetchRequest>): Promise<FetchResult>;
  close(): Promise<void>;
}

/** Connects to a CDN; `trusted` are further addresses that may be asked. */
export function fetchingFrom(cdnUrl: string, trusted: readonly string[] = []): Fetching {
  const transport = createTransport();
  const trust = createHostTrust([cdnUrl, ...trusted]);
  const clock: Clock = { now: () => 0, monotonic: () => 0, sleep: async () => {} };
  const fetchMedia = createFetcher({ cdn: createCdn({ transport, trust, cdnUrl }), clock, makeFolder });
  return {
    fetch: (source, folder, more = {}) =>
      fetchMedia({
        source,
        folder,
        name: null,
        maxBytes: 0,
        signal: new AbortController().signal,
        ...more,
      }),
    close: () => transport.close(),
  };
}

/** Writes messages as a user of a new bot and returns the items that the bot then sees. */
export async function sentItems(
  simulator: Simulator,
  messages: UserMessage[],
  writer?: string,
): Promise<MessageItem[]> {
  const { token, user } = simulator.control.createBot(writer);
  simulator.control.messages(messages.map((message) => ({ user, ...message })));
  const response = await fetch(`${simulator.baseUrl}/ilink/bot/getupdates`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: '{"get_updates_buf":""}',
  });
  const { msgs } = parseLossless(await response.text()) as GetUpdatesResponse;
  return (msgs ?? []).flatMap((message) => message.item_list ?? []);
}

/** The same as what is to be fetched. */
export async function sentMedia(simulator: Simulator, messages: UserMessage[]): Promise<MediaSource[]> {
  return readInbound({ item_list: await sentItems(simulator, messages) }).media;
}

/** What lies in a folder, temporary files too. */
export function namesIn(folder: string): string[] {
  return readdirSync(folder).sort();
}
