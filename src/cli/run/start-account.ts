import { VERSION } from '../../core/version.ts';
import { type Account, loginDigest } from '../../home/config-file.ts';
import { processStartTime } from '../../home/process-identity.ts';
import type { Transport } from '../../ilink/http/transport.ts';
import type { EventSink } from '../../runner/port/events.ts';
import type { RunnerOptions } from '../../runner/port/options.ts';
import type { Runner, RunnerEnd } from '../../runner/port/port.ts';
import type { Undelivered } from '../../runner/run-fallbacks.ts';
import { startRunner } from '../../runner/runner.ts';
import { createFolderMaker } from '../../runner/turns/folders.ts';
import type { Upkeep } from '../../runner/upkeep/upkeep.ts';
import type { Store } from '../../store/port/port.ts';
import { connect } from '../account/connection.ts';
import type { PollingRight } from '../account/polling-right.ts';
import type { AgentFactory } from '../agent/agent-factory.ts';
import { createChildRecords } from '../agent/child-records.ts';
import type { CommandContext } from '../port/context.ts';
import { type AttachmentOptions, openAttachments } from './attachments.ts';

/** How accounts are served. */
export interface Service {
  makeAgent: AgentFactory;
  settings: RunnerOptions;
  keepFiles: boolean;
  received: AttachmentOptions;
  emit: EventSink;
  /** What is done with what is not confirmed in time. */
  undelivered: Pick<Undelivered, 'tell' | 'withinMs'>;
  /** Accounts that log in meanwhile are served as well, and those that log out no longer (`--all-accounts`). */
  watchLogins: boolean;
  /** Whoever has no login any more is waited for, and nothing ends meanwhile. */
  waitLogin: boolean;
  /** An account has its first poll at the server. */
  onStarted?: () => void;
}

/** Serves one login of an account, for which the caller has the right to receive. */
export function startAccount(
  context: CommandContext,
  service: Service,
  account: Account,
  shared: { right: PollingRight; transport: Transport; store: Store; upkeep: Upkeep },
): { runner: Runner; done: Promise<RunnerEnd> } {
  const { right, transport, store, upkeep } = shared;
  const connection = connect(context, account, transport, store);
  const children = createChildRecords(account.key, store.turns, context.log);
  const agent = service.makeAgent(children, account);
  const runner = startRunner({
    ...connection,
    account: {
      key: account.key,
      id: account.id,
      name: account.name,
      owner: account.owner,
      login: loginDigest(account),
      formerPoller: right.former,
    },
    store,
    trust: right.trust,
    upkeep,
    agent,
    folders: createFolderMaker({
      turns: context.paths.media('turn', account.key),
      state: (user) => context.paths.agentState(account.key, user),
      sessions: service.received.place === 'session' ? context.paths.media('session', account.key) : null,
      keep: service.keepFiles,
      log: context.log,
    }),
    attachments: openAttachments(context, account, store, transport, service.received, children),
    async endChild(child) {
      const { endOrphan } = await import('../../agents/child/orphans.ts');
      return endOrphan(child, processStartTime);
    },
    rescue: (line) => context.io.err(`${line}\n`),
    settings: service.settings,
    version: VERSION,
    clock: context.clock,
    log: context.log,
    emit: service.emit,
    ...(service.onStarted && { onStarted: service.onStarted }),
  });
  const done = runner.done.finally(() => agent.close?.());
  return { runner, done };
}
