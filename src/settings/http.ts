import type { Setting } from './setting.ts';

/** Settings of `run` for an agent behind a URL. */
export const HTTP = {
  http: { kind: 'text', flag: '--http <url>', about: 'agent: POST each message to this address' },
  header: {
    kind: 'list',
    flag: "--header <'Name: value'>",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: shown to people as it is.
    about: 'header for --http, ${VAR} from the environment (repeatable)',
  },
  httpPreset: {
    kind: 'choice',
    flag: '--http-preset <service>',
    about: 'speak as this service wants it',
    choices: ['dify', 'coze', 'fastgpt', 'n8n', 'home-assistant'],
  },
  httpBody: {
    kind: 'text',
    flag: '--http-body <template>',
    about: 'JSON to post instead of the event, {{text}} and the like filled in; @file',
  },
  httpReply: {
    kind: 'text',
    flag: '--http-reply <path>',
    about: 'where in the JSON of the answer the text is: choices[0].message.content',
  },
  httpConversation: {
    kind: 'text',
    flag: '--http-conversation <path>',
    about: 'where in it the id for {{conversation}} is, kept per session',
  },
  httpError: {
    kind: 'text',
    flag: '--http-error <path>',
    about: 'where in it the reason is when there is no text',
  },
  httpAttachments: {
    kind: 'choice',
    flag: '--http-attachments <form>',
    about: 'how --http gets attachments',
    choices: ['path', 'inline', 'url'],
    default: 'path',
  },
  httpAttachmentsHost: {
    kind: 'text',
    flag: '--http-attachments-host <host[:port]>',
    about: 'where their addresses lead',
    default: '127.0.0.1',
  },
} as const satisfies Record<string, Setting>;
