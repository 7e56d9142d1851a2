import { WxError } from '../../core/errors.ts';

const EXAMPLE = 'wxagent run --openai http://127.0.0.1:11434/v1 --model qwen3';

/** Checks the URL of `--openai`; without a path it gets `/v1`. Throws WxError `usage`, also for a key in it. */
export function parseBaseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new WxError('usage', `--openai takes an http or https URL, not "${text}"`, { hint: EXAMPLE });
  }
  if (url.username !== '' || url.password !== '' || url.search !== '') {
    throw new WxError('usage', '--openai takes a URL without user, password and query', {
      hint: 'the key of the server goes into OPENAI_API_KEY',
    });
  }
  url.hash = '';
  // People copy the whole address as well.
  url.pathname = url.pathname.replace(/\/+$/, '').replace(/\/chat\/completions$/, '') || '/v1';
  return url;
}

/** The model of `--model`, which `--openai` needs. Throws WxError 'usage' (64). */
export function requireModel(model: string | null): string {
  if (model !== null && model.trim() !== '') return model;
  throw new WxError('usage', '--openai needs --model, the name of the model to ask', { hint: EXAMPLE });
}
