import type { Agent } from '../../agents/port/port.ts';
import type { AgentKind } from '../../settings/tables/setting-row.ts';
import type { CommandContext } from '../port/context.ts';
import type { ChildRecords } from './child-records.ts';

/** Makes an agent for one account; all of a process are made from one choice. */
export type AgentFactory = (children: ChildRecords, account: { id: string; name: string | null }) => Agent;

/** What answers in this process; `function` is the library's. */
export interface ChosenAgent {
  kind: AgentKind | 'function';
  make: AgentFactory;
}

/** Checks everything for one kind of agent before anything starts. `chosen` is the setting's value. Throws WxError. */
export type PrepareAgent<Chosen> = (context: CommandContext, chosen: Chosen) => Promise<AgentFactory>;
