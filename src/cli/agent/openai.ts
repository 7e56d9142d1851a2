import { parseBaseUrl, requireModel } from '../../agents/openai/options.ts';
import { proxiesOf } from '../../core/http/proxy.ts';
import type { PrepareAgent } from './agent-factory.ts';

export const prepareOpenAiAgent: PrepareAgent<string> = async (context, given) => {
  const { environment, clock, log } = context;
  const { model, system } = context.settings;
  const options = {
    baseUrl: parseBaseUrl(given),
    model: requireModel(model),
    system,
    apiKey: environment.get('OPENAI_API_KEY') ?? null,
    environment: environment.all,
    clock,
    log,
  };
  // A wrong proxy is reported now, not by every turn.
  proxiesOf(environment.all).proxyFor(options.baseUrl);
  // Only now, for it brings the package.
  const { createOpenAiAgent } = await import('../../agents/openai/agent.ts');
  return () => createOpenAiAgent(options);
};
