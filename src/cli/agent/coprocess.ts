import { createCoprocessAgent } from '../../agents/coprocess/agent.ts';
import type { PrepareAgent } from './agent-factory.ts';
import { checkCommand, childOptions, residentRecords } from './child.ts';

export const prepareCoprocessAgent: PrepareAgent<string> = async (context, shell) => {
  checkCommand(context, '--coprocess', shell);
  const { coprocessPer: per } = context.settings;
  const options = { ...childOptions(context), command: { shell }, per, clock: context.clock };
  return (children, account) => createCoprocessAgent({ ...options, account, ...residentRecords(children) });
};
