import type { Agent } from '../agents/port.ts';
import { WxError } from '../core/errors.ts';
import type { Turn } from '../core/message.ts';
import { VERSION } from '../core/version.ts';
import type { CommandContext } from './context.ts';

/** Settings that choose the agent of `run`. */
const AGENT_SETTINGS = ['exec', 'http', 'openai', 'model', 'system', 'echo', 'header', 'input'] as const;
/** Between TERM and KILL (contract 4); less when `--grace` would be over before that. */
const KILL_GRACE_MS = 5_000;

/** Makes an agent for one account; all of a process are made from one choice. */
export type AgentMaker = (onStarted: (turn: Turn, pid: number) => Promise<void>) => Agent;

/**
 * Checks the choice of agent: exactly one of `--exec`, `-- cmd`, `--http`, `--openai`, `--echo` (contract 2).
 * Loads only the code of that one. Throws WxError `usage`, or `not-found` for a command that does not exist.
 */
export async function chooseAgent(context: CommandContext, command: string[]): Promise<AgentMaker> {
  const { exec, http, openai, model, system, echo, header, input } = context.settings(AGENT_SETTINGS);
  const given = [
    exec !== null && '--exec',
    command.length > 0 && `-- ${command[0]}`,
    http !== null && '--http',
    openai !== null && '--openai',
    echo && '--echo',
  ].filter((one) => one !== false);
  if (given.length === 0) {
    throw new WxError('usage', 'run needs an agent, such as --exec <command>', {
      hint: "wxagent run --exec 'tr a-z A-Z'",
    });
  }
  if (given.length > 1) {
    throw new WxError('usage', `run takes one agent, not ${given.length}: ${given.join(', ')}`, {
      hint: 'wxagent run --help',
    });
  }
  if (header.length > 0 && http === null) throw new WxError('usage', '--header goes with --http');
  if (openai === null) {
    if (model !== null) throw new WxError('usage', '--model goes with --openai');
    if (system !== null) throw new WxError('usage', '--system goes with --openai');
  } else return openAiAgent(context, openai, model, system);
  if (http !== null) return httpAgent(context, http, header);
  if (echo) {
    const { createEchoAgent } = await import('../agents/echo.ts');
    return () => createEchoAgent();
  }
  return commandAgent(context, exec, command, input);
}

async function httpAgent(context: CommandContext, http: string, header: string[]): Promise<AgentMaker> {
  const { parseAgentUrl, parseHeader } = await import('../agents/http-options.ts');
  const { parseWebhookSecret } = await import('../agents/webhook-signature.ts');
  const { createAgentSender } = await import('../agents/http-sender.ts');
  const { createHttpAgent } = await import('../agents/http.ts');
  const secret = context.environment.get('WXAGENT_HTTP_SECRET');
  const options = {
    url: parseAgentUrl(http),
    headers: header.map((one) => parseHeader(one, context.environment.all)),
    secret: secret === undefined ? null : parseWebhookSecret(secret),
    clock: context.clock,
  };
  return () => createHttpAgent({ ...options, sender: createAgentSender(context.environment.all) });
}

async function openAiAgent(
  context: CommandContext,
  openai: string,
  model: string | null,
  system: string | null,
): Promise<AgentMaker> {
  const { parseBaseUrl, requireModel } = await import('../agents/openai-options.ts');
  const options = {
    baseUrl: parseBaseUrl(openai),
    model: requireModel(model),
    system,
    apiKey: context.environment.get('OPENAI_API_KEY') || null,
    environment: context.environment.all,
    clock: context.clock,
    log: context.log,
  };
  const { createOpenAiAgent } = await import('../agents/openai.ts');
  return () => createOpenAiAgent(options);
}

async function commandAgent(
  context: CommandContext,
  exec: string | null,
  [program, ...args]: string[],
  input: 'text' | 'raw' | 'json',
): Promise<AgentMaker> {
  if (exec?.trim() === '')
    throw new WxError('usage', '--exec needs a command', { hint: "--exec './agent.sh'" });
  const { environment, cwd } = context;
  let argv: [string, ...string[]] | null = null;
  if (program !== undefined) {
    const { resolveCommand } = await import('../agents/resolve-command.ts');
    const search = {
      cwd,
      path: environment.get('PATH'),
      pathExt: environment.get('PATHEXT'),
      platform: process.platform,
    };
    argv = [resolveCommand(program, search), ...args];
  }
  const { baseUrl, cdnUrl, grace } = context.settings(['baseUrl', 'cdnUrl', 'grace']);
  // Loaded now, while nothing waits, so that the first message does not pay for it.
  const loading = import('../agents/command.ts');
  const { createCommandAgent } = await loading;
  return (onStarted) =>
    createCommandAgent({
      command: argv ? { argv } : { shell: exec as string },
      input,
      cwd,
      parentEnv: environment.all,
      constants: { home: context.home, baseUrl, cdnUrl, bin: context.bin, version: VERSION },
      log: context.log,
      killGraceMs: Math.min(KILL_GRACE_MS, grace / 2),
      onStarted,
    });
}
