import type { Account } from '../../home/config-file.ts';
import type { Transport } from '../../ilink/http/transport.ts';
import { type Attachments, createAttachments } from '../../runner/received/attachments.ts';
import type { SpeechToText } from '../../runner/received/transcripts.ts';
import type { Store } from '../../store/port/port.ts';
import { openFetcher } from '../account/connection.ts';
import type { ChildRecords } from '../agent/child-records.ts';
import type { CommandContext } from '../port/context.ts';

/** What is done with the files that users send. */
export interface AttachmentOptions {
  /** Largest that is fetched; 0: any. */
  maxBytes: number;
  /** Command that turns speech into text (`--stt`); null: none. */
  stt: string | null;
  /** Also of those that WeChat has heard (`--stt-always`). */
  sttAlways: boolean;
  /** Where agents find them: in a folder of their turn or of the session, or in the cache, where they stay for a while. */
  place: 'turn' | 'session' | 'cache';
}

/** The attachments of one account. What fetches, decodes and transcribes is loaded when the first file comes. */
export function openAttachments(
  context: CommandContext,
  account: Account,
  store: Store,
  transport: Transport,
  { maxBytes, stt, sttAlways, place }: AttachmentOptions,
  children: ChildRecords,
): Attachments {
  return createAttachments({
    account: account.key,
    inbox: store.inbox,
    cache: context.paths.media('cache', account.key),
    async fetch(request) {
      const fetchMedia = await openFetcher(context, account, transport);
      return fetchMedia({ ...request, name: null, maxBytes });
    },
    speechToText: stt === null ? null : { ...speechToTextOf(context, stt, children), always: sttAlways },
    place: place === 'cache' ? place : 'turn',
    sessions: context.paths.media('session', account.key),
    log: context.log,
  });
}

function speechToTextOf(context: CommandContext, command: string, children: ChildRecords): SpeechToText {
  return {
    command,
    async transcribe(path, signal) {
      const { createTranscriber } = await import('../../agents/transcriber.ts');
      const transcribe = createTranscriber({
        command,
        cwd: context.cwd,
        parentEnv: context.environment.all,
        log: context.log,
        onStarted: (pid) => children.started(null, pid),
        onEnded: children.ended,
      });
      return transcribe(path, signal);
    },
  };
}
