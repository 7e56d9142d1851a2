import { parseAcpCommand } from '../../agents/acp/connection/command.ts';
import { checkNode } from '../../agents/acp/connection/node-version.ts';
import type { PrepareAgent } from './agent-factory.ts';
import { childOptions, commandSearch, residentRecords } from './child.ts';

export const prepareAcpAgent: PrepareAgent<string> = async (context, given) => {
  const search = commandSearch(context);
  const command = parseAcpCommand(given, search);
  await checkNode(command, search);
  const { permission, allowAll } = context.settings;
  // Only now, for it brings the SDK.
  const { createAcpAgent } = await import('../../agents/acp/agent.ts');
  const options = {
    ...childOptions(context),
    ...command,
    // The user who is asked decides what happens on this machine, and --allow-all chooses no users.
    permission: permission ?? (allowAll ? 'deny' : 'ask'),
    mustAsk: permission === null && allowAll,
    clock: context.clock,
  };
  return (children, account) => createAcpAgent({ ...options, account, ...residentRecords(children) });
};
