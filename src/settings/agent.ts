import type { AgentKind, Setting } from './setting.ts';

/** Settings of `run` that choose its agent, each the name of a kind; `-- cmd` does too (contract 2). */
export const AGENT_CHOICES = [
  'exec',
  'coprocess',
  'acp',
  'http',
  'openai',
  'echo',
] as const satisfies readonly AgentKind[];

/** Settings that choose an agent, each followed by those that tune it (`goesWith`). */
export const AGENT = {
  exec: {
    kind: 'text',
    flag: '--exec <command>',
    about: 'agent: a shell command; message on stdin, answer on stdout',
  },
  input: {
    kind: 'choice',
    flag: '--input <form>',
    about: 'what the command gets on stdin',
    choices: ['text', 'raw', 'json'],
    default: 'text',
    goesWith: ['exec', 'command'],
  },
  output: {
    kind: 'choice',
    flag: '--output <form>',
    about: 'what the command prints: its answer, or JSON lines that are sent as they come',
    choices: ['text', 'jsonl'],
    default: 'text',
    goesWith: ['exec', 'command'],
  },
  coprocess: {
    kind: 'text',
    flag: '--coprocess <command>',
    about: 'agent: a shell command that stays running; JSON lines in and out',
  },
  coprocessPer: {
    kind: 'choice',
    flag: '--coprocess-per <what>',
    about: 'one coprocess for the account, or one for each user',
    choices: ['account', 'user'],
    default: 'account',
    goesWith: ['coprocess'],
  },
  acp: {
    kind: 'text',
    flag: '--acp <command|name>',
    about: 'agent: one that speaks ACP; wxagent agents lists names',
  },
  permission: {
    kind: 'choice',
    flag: '--permission <policy>',
    about: 'what an ACP agent may do; default ask, with --allow-all deny; agent: its own settings',
    choices: ['allow', 'deny', 'ask', 'agent'],
    goesWith: ['acp'],
  },
  http: { kind: 'text', flag: '--http <url>', about: 'agent: POST each message to this address' },
  header: {
    kind: 'list',
    flag: "--header <'Name: value'>",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: shown to people as it is.
    about: 'header for --http, ${VAR} from the environment (repeatable)',
    goesWith: ['http'],
  },
  httpPreset: {
    kind: 'choice',
    flag: '--http-preset <service>',
    about: 'speak as this service wants it',
    choices: ['dify', 'coze', 'fastgpt', 'n8n', 'home-assistant'],
    goesWith: ['http'],
  },
  httpBody: {
    kind: 'text',
    flag: '--http-body <template>',
    about: 'JSON to post instead of the event, {{text}} and the like filled in; @file',
    goesWith: ['http'],
  },
  httpReply: {
    kind: 'text',
    flag: '--http-reply <path>',
    about: 'where in the JSON of the answer the text is: choices[0].message.content',
    goesWith: ['http'],
  },
  httpConversation: {
    kind: 'text',
    flag: '--http-conversation <path>',
    about: 'where in it the id for {{conversation}} is, kept per session',
    goesWith: ['http'],
  },
  httpError: {
    kind: 'text',
    flag: '--http-error <path>',
    about: 'where in it the reason is when there is no text',
    goesWith: ['http'],
  },
  httpAttachments: {
    kind: 'choice',
    flag: '--http-attachments <form>',
    about: 'how --http gets attachments',
    choices: ['path', 'inline', 'url'],
    default: 'path',
    goesWith: ['http'],
  },
  httpAttachmentsHost: {
    kind: 'text',
    flag: '--http-attachments-host <host[:port]>',
    about: 'where their addresses lead',
    default: '127.0.0.1',
    goesWith: ['http'],
  },
  openai: {
    kind: 'text',
    flag: '--openai <base-url>',
    about: 'agent: a chat-completions server (Ollama, vLLM, DeepSeek, ...)',
  },
  model: { kind: 'text', flag: '--model <name>', about: 'model that --openai asks', goesWith: ['openai'] },
  system: {
    kind: 'text',
    flag: '--system <text>',
    about: 'what --openai tells the model first',
    goesWith: ['openai'],
  },
  echo: { kind: 'switch', flag: '--echo', about: 'agent: send everything back, files too' },
} as const satisfies Record<string, Setting>;
