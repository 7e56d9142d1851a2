import type { StreamRule } from './response/stream-answer.ts';

/** What an endpoint wants and answers, in the forms of `--http-body`, `--http-reply` and the other flags. */
export interface HttpPreset {
  /** Its usual path, for a URL that has none or the beginning of it; null: everyone has another. */
  path: string | null;
  /** Parameters added to the URL. */
  query: Readonly<Record<string, string>>;
  body: unknown;
  reply: string;
  conversation: string | null;
  error: string | null;
  /** How to read the events, where it streams; empty where it does not. */
  events: readonly StreamRule[];
}

/** Known services by name. Their documents, and what was decided for each, are in docs/http.md. */
export const HTTP_PRESETS = {
  dify: {
    path: '/v1/chat-messages',
    query: {},
    body: {
      inputs: {},
      query: '{{message}}',
      user: '{{user}}',
      conversation_id: '{{conversation}}',
      // Agent apps refuse `blocking`, and a long answer outlives the proxies in front of it only as a stream.
      response_mode: 'streaming',
      files: [
        { type: 'image', transfer_method: 'remote_url', url: '{{image.url}}' },
        { type: 'audio', transfer_method: 'remote_url', url: '{{voice.url}}' },
        { type: 'video', transfer_method: 'remote_url', url: '{{video.url}}' },
        { type: 'document', transfer_method: 'remote_url', url: '{{file.url}}' },
      ],
    },
    reply: 'answer',
    conversation: 'conversation_id',
    error: 'message',
    events: [
      { where: { event: ['message', 'agent_message'] }, does: 'append', path: 'answer' },
      { where: { event: ['message_replace'] }, does: 'replace', path: 'answer' },
      { where: { event: ['error'] }, does: 'fail', path: 'message' },
      { where: { event: ['message_end'] }, does: 'end' },
    ],
  },
  coze: {
    path: '/v3/chat',
    query: { conversation_id: '{{conversation}}' },
    body: {
      // biome-ignore lint/suspicious/noTemplateCurlyInString: a placeholder of the template.
      bot_id: '${COZE_BOT_ID}',
      user_id: '{{user}}',
      stream: true,
      auto_save_history: true,
      additional_messages: [{ role: 'user', type: 'question', content_type: 'text', content: '{{message}}' }],
    },
    reply: 'content',
    conversation: 'conversation_id',
    error: 'msg',
    events: [
      {
        name: ['conversation.message.completed'],
        where: { type: ['answer'], content_type: ['text'] },
        does: 'say',
        path: 'content',
      },
      {
        name: ['error', 'conversation.chat.failed', 'conversation.chat.requires_action'],
        does: 'fail',
        path: 'last_error.msg|msg|status',
      },
      { name: ['conversation.chat.completed', 'done'], does: 'end' },
    ],
  },
  fastgpt: {
    path: '/api/v1/chat/completions',
    query: {},
    body: {
      chatId: '{{sessionId}}',
      stream: false,
      detail: false,
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: '{{message}}' },
            { type: 'image_url', image_url: { url: '{{image.url}}' } },
            { type: 'file_url', name: '{{file.name}}', url: '{{file.url}}' },
          ],
        },
      ],
    },
    reply: 'choices[0].message.content | choices[0].message.content[0].text.content',
    conversation: null,
    error: 'error.message | message | statusText',
    events: [],
  },
  n8n: {
    path: null,
    query: {},
    body: {
      action: 'sendMessage',
      sessionId: '{{sessionId}}',
      chatInput: '{{message}}',
      metadata: { user: '{{user}}', attachments: '{{attachments}}' },
    },
    // Not `message`: a workflow that answers at once says "Workflow was started" there.
    reply: 'output | text | [0].output | [0].text',
    conversation: null,
    error: 'error.message | error | errorMessage',
    events: [],
  },
  'home-assistant': {
    path: '/api/conversation/process',
    query: {},
    body: { text: '{{text}}', conversation_id: '{{conversation}}' },
    reply: 'response.speech.plain.speech',
    conversation: 'conversation_id',
    error: 'message',
    events: [],
  },
} as const satisfies Record<string, HttpPreset>;

export type PresetName = keyof typeof HTTP_PRESETS;
