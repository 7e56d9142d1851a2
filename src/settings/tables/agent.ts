import type { AgentKind, Setting } from './setting-row.ts';

/** Settings of `run` that choose its agent, each the name of a kind; `-- cmd` does too. */
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
    about: {
      en: 'agent: a shell command; message on stdin, reply on stdout',
      zh: '智能体：shell 命令，从标准输入读消息，向标准输出写回复',
    },
    group: 'main',
  },
  input: {
    kind: 'choice',
    flag: '--input <form>',
    about: { en: 'what --exec or -- command gets on stdin', zh: '--exec 或 -- 命令从标准输入得到什么' },
    group: 'agents',
    choices: ['text', 'raw', 'json'],
    default: 'text',
    goesWith: ['exec', 'command'],
  },
  output: {
    kind: 'choice',
    flag: '--output <form>',
    about: {
      en: 'what --exec or -- command prints: the reply, or JSON Lines that are sent one by one',
      zh: '--exec 或 -- 命令输出什么：整个回复，或逐行发送的 JSON Lines',
    },
    group: 'agents',
    choices: ['text', 'jsonl'],
    default: 'text',
    goesWith: ['exec', 'command'],
  },
  coprocess: {
    kind: 'text',
    flag: '--coprocess <command>',
    about: {
      en: 'agent: a shell command that keeps running; JSON Lines in and out',
      zh: '智能体：常驻进程（shell 命令），输入输出为 JSON Lines',
    },
    group: 'main',
  },
  coprocessPer: {
    kind: 'choice',
    flag: '--coprocess-per <what>',
    about: { en: 'one coprocess per account, or one per user', zh: '每个账号一个常驻进程，或每个用户一个' },
    group: 'agents',
    choices: ['account', 'user'],
    default: 'account',
    goesWith: ['coprocess'],
  },
  acp: {
    kind: 'text',
    flag: '--acp <command|name>',
    about: {
      en: 'agent: a program that speaks ACP; wxagent agents lists the known names',
      zh: '智能体：支持 ACP 的程序；已知名称见 wxagent agents',
    },
    group: 'main',
  },
  permission: {
    kind: 'choice',
    flag: '--permission <policy>',
    about: {
      en: 'what an ACP agent may do (default ask, with --allow-all deny); agent: its own settings',
      zh: 'ACP 智能体的权限（默认 ask，加 --allow-all 时为 deny）；agent：按智能体自己的设置',
    },
    group: 'agents',
    choices: ['allow', 'deny', 'ask', 'agent'],
    goesWith: ['acp'],
  },
  http: {
    kind: 'text',
    flag: '--http <url>',
    about: {
      en: 'agent: an HTTP service; each message is POSTed to this address',
      zh: '智能体：HTTP 服务，每条消息 POST 到这个地址',
    },
    group: 'main',
  },
  header: {
    kind: 'list',
    flag: "--header <'Name: value'>",
    about: {
      // biome-ignore lint/suspicious/noTemplateCurlyInString: shown to people as it is.
      en: 'request header for --http, ${VAR} from the environment (repeatable)',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: shown to people as it is.
      zh: '--http 的请求头，${VAR} 取自环境变量（可重复）',
    },
    group: 'agents',
    goesWith: ['http'],
  },
  httpPreset: {
    kind: 'choice',
    flag: '--http-preset <service>',
    about: {
      en: 'request and response format of this service for --http',
      zh: '--http 按这个服务的格式收发',
    },
    group: 'agents',
    choices: ['dify', 'coze', 'fastgpt', 'n8n', 'home-assistant'],
    goesWith: ['http'],
  },
  httpBody: {
    kind: 'text',
    flag: '--http-body <template>',
    about: {
      en: 'JSON body for --http instead of the event, with placeholders such as {{text}}; or @file',
      zh: '--http 的 JSON 请求体，代替默认事件，可用 {{text}} 等占位符；或 @文件',
    },
    group: 'agents',
    goesWith: ['http'],
  },
  httpReply: {
    kind: 'text',
    flag: '--http-reply <path>',
    about: {
      en: 'JSON path of the reply in the response: choices[0].message.content',
      zh: '回复在 JSON 响应中的路径：choices[0].message.content',
    },
    group: 'agents',
    goesWith: ['http'],
  },
  httpConversation: {
    kind: 'text',
    flag: '--http-conversation <path>',
    about: {
      en: 'JSON path of the conversation ID for {{conversation}} in the response',
      zh: '会话 ID 在 JSON 响应中的路径，用于 {{conversation}}',
    },
    group: 'agents',
    goesWith: ['http'],
  },
  httpError: {
    kind: 'text',
    flag: '--http-error <path>',
    about: { en: 'JSON path of the error message in the response', zh: '错误信息在 JSON 响应中的路径' },
    group: 'agents',
    goesWith: ['http'],
  },
  httpAttachments: {
    kind: 'choice',
    flag: '--http-attachments <form>',
    about: { en: 'how attachments are passed to --http', zh: '附件以什么形式传给 --http' },
    group: 'agents',
    choices: ['path', 'inline', 'url'],
    default: 'path',
    goesWith: ['http'],
  },
  httpAttachmentsHost: {
    kind: 'text',
    flag: '--http-attachments-host <host[:port]>',
    about: {
      en: 'address under which the service reaches attachments, with --http-attachments url',
      zh: '--http-attachments url 时，服务访问附件所用的地址',
    },
    group: 'agents',
    default: '127.0.0.1',
    goesWith: ['http'],
  },
  openai: {
    kind: 'text',
    flag: '--openai <base-url>',
    about: {
      en: 'agent: an OpenAI-compatible server (Ollama, vLLM, DeepSeek, ...)',
      zh: '智能体：兼容 OpenAI 接口的服务（Ollama、vLLM、DeepSeek 等）',
    },
    group: 'main',
  },
  model: {
    kind: 'text',
    flag: '--model <name>',
    about: { en: 'model to use with --openai', zh: '--openai 使用的模型' },
    group: 'main',
    goesWith: ['openai'],
  },
  system: {
    kind: 'text',
    flag: '--system <text>',
    about: { en: 'system prompt for --openai', zh: '--openai 的系统提示词' },
    group: 'agents',
    goesWith: ['openai'],
  },
  echo: {
    kind: 'switch',
    flag: '--echo',
    about: { en: 'agent: send every message back, files too', zh: '智能体：原样发回每条消息，包括文件' },
    group: 'main',
  },
} as const satisfies Record<string, Setting>;
