import type { ServerResponse } from 'node:http';
import type { PresetName } from '../../src/agents/http/presets.ts';
import {
  type Answer,
  type ReceivedRequest,
  type ScriptedServer,
  startScriptedServer,
} from './scripted-server.ts';

/**
 * Stand-ins for the services that wxagent has presets for. They answer in the shapes that the documents of those
 * services show (docs/http.md names them), and refuse what the real ones refuse.
 */

/** A message that makes a service answer badly. */
export const TROUBLE = {
  error: 'fail, please',
  cut: 'break off, please',
  forget: 'forget me, please',
} as const;

/** Starts one; it says `<conversation> #<nth message in it>: <text>`. */
export function startService(name: PresetName): Promise<ScriptedServer> {
  const conversations = new Map<string, number>();
  const talk: Talk = {
    say(id, text) {
      const nth = (conversations.get(id) ?? 0) + 1;
      conversations.set(id, nth);
      return `${id} #${nth}: ${text}`;
    },
    named: (id) => (typeof id === 'string' && id !== '' ? id : `c-${conversations.size + 1}`),
    knows: (id) => typeof id !== 'string' || id === '' || conversations.has(id),
    forget: () => conversations.clear(),
  };
  return startScriptedServer((request) => SERVICES[name](request, request.json as Body, talk));
}

// biome-ignore lint/suspicious/noExplicitAny: bodies are whatever a client has sent.
type Body = Record<string, any>;

interface Talk {
  say(id: string, text: string): string;
  named(id: unknown): string;
  knows(id: unknown): boolean;
  forget(): void;
}

type Service = (request: ReceivedRequest, body: Body, talk: Talk) => Answer;

const SERVICES: Record<PresetName, Service> = {
  dify({ path, headers }, body, talk) {
    if (path !== '/v1/chat-messages') return 404;
    if (headers.authorization !== 'Bearer key')
      return status(401, { code: 'unauthorized', message: 'Access token is invalid', status: 401 });
    if (typeof body.query !== 'string' || typeof body.user !== 'string' || typeof body.inputs !== 'object')
      return status(400, { code: 'invalid_param', message: 'a parameter is missing', status: 400 });
    if (body.response_mode !== 'streaming')
      return status(400, {
        code: 'invalid_param',
        message: 'Agent Chat App does not support blocking mode',
        status: 400,
      });
    if (!talk.knows(body.conversation_id))
      return status(404, { code: 'not_found', message: 'Conversation Not Exists.', status: 404 });
    const about = { task_id: 't-1', message_id: 'm-1', conversation_id: talk.named(body.conversation_id) };
    const text = talk.say(about.conversation_id, body.query);
    if (body.query === TROUBLE.forget) talk.forget();
    return stream([
      { data: { event: 'workflow_started', ...about, data: { id: 'w-1', status: 'running' } } },
      { name: 'ping' },
      ...halves(text).map((answer) => ({
        data: { event: 'message', ...about, answer, created_at: 1_705_398_420 },
      })),
      ...(body.query === TROUBLE.error
        ? [
            {
              data: {
                event: 'error',
                ...about,
                status: 400,
                code: 'provider_quota_exceeded',
                message: 'no quota left',
              },
            },
          ]
        : []),
      ...(body.query === TROUBLE.cut
        ? []
        : [{ data: { event: 'message_end', ...about, metadata: { usage: {} } } }]),
    ]);
  },

  coze({ path, headers, query }, body, talk) {
    if (path !== '/v3/chat') return 404;
    if (headers.authorization !== 'Bearer key') return { code: 4100, msg: 'authentication is invalid' };
    const [question] = body.additional_messages ?? [];
    if (!/^\d+$/.test(body.bot_id) || typeof body.user_id !== 'string' || question?.role !== 'user')
      return { code: 4000, msg: 'Request parameter error' };
    const about = { conversation_id: talk.named(query.get('conversation_id')), bot_id: body.bot_id };
    const chat = { id: 'chat-1', ...about, last_error: { code: 0, msg: '' } };
    const message = { id: 'm-1', role: 'assistant', content_type: 'text', chat_id: 'chat-1', ...about };
    const text = talk.say(about.conversation_id, question.content);
    if (question.content === TROUBLE.error)
      return stream([{ name: 'conversation.chat.failed', data: { code: 701_231, msg: 'no quota left' } }]);
    const finish = JSON.stringify({ msg_type: 'generate_answer_finish', data: '' });
    return stream([
      { name: 'conversation.chat.created', data: { ...chat, status: 'created' } },
      { name: 'conversation.chat.in_progress', data: { ...chat, status: 'in_progress' } },
      { name: 'conversation.message.completed', data: { ...message, type: 'function_call', content: '{}' } },
      ...halves(text).map((content) => ({
        name: 'conversation.message.delta',
        data: { ...message, type: 'answer', content },
      })),
      ...(question.content === TROUBLE.cut
        ? []
        : [
            { name: 'conversation.message.completed', data: { ...message, type: 'answer', content: text } },
            {
              name: 'conversation.message.completed',
              data: { ...message, type: 'verbose', content: finish },
            },
            {
              name: 'conversation.message.completed',
              data: { ...message, type: 'follow_up', content: 'And?' },
            },
            { name: 'conversation.chat.completed', data: { ...chat, status: 'completed' } },
            { name: 'done', data: '[DONE]' },
          ]),
    ]);
  },

  fastgpt({ path, headers }, body, talk) {
    if (path !== '/api/v1/chat/completions') return 404;
    if (headers.authorization !== 'Bearer key')
      return { code: 514, statusText: 'unAuthApiKey', message: 'Api key is invalid', data: null };
    const { text } = body.messages[0].content[0];
    if (text === TROUBLE.error) return { error: { message: 'no quota left' } };
    return {
      id: '',
      model: '',
      usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 1 },
      choices: [
        {
          message: { role: 'assistant', content: talk.say(body.chatId, text) },
          finish_reason: 'stop',
          index: 0,
        },
      ],
    };
  },

  n8n({ path, headers }, body, talk) {
    if (!/^\/webhook\/\w+\/chat$/.test(path)) {
      const message = `The requested webhook "POST ${path.slice(9)}" is not registered.`;
      return status(404, { code: 404, message, hint: 'The workflow must be active' });
    }
    if (headers.authorization !== 'Bearer key')
      return status(403, { code: 0, message: 'Authorization data is wrong!' });
    if (body.action !== 'sendMessage') return {};
    if (body.chatInput === TROUBLE.error) return status(500, { message: 'Error in workflow' });
    return { output: talk.say(body.sessionId, body.chatInput) };
  },

  'home-assistant'({ path, headers }, body, talk) {
    if (path !== '/api/conversation/process') return 404;
    if (headers.authorization !== 'Bearer key')
      return (response) => response.writeHead(401).end('401: Unauthorized');
    const known = ['text', 'conversation_id', 'language', 'agent_id'];
    if (!Object.entries(body).every(([key, value]) => known.includes(key) && typeof value === 'string'))
      return status(400, { message: 'Message format incorrect: extra keys not allowed' });
    const id = talk.named(body.conversation_id);
    const isError = body.text === TROUBLE.error;
    return {
      response: {
        speech: {
          plain: {
            speech: isError ? "Sorry, I couldn't understand that" : talk.say(id, body.text),
            extra_data: null,
          },
        },
        card: {},
        language: 'en',
        response_type: isError ? 'error' : 'action_done',
        data: isError ? { code: 'no_intent_match' } : { targets: [], success: [], failed: [] },
      },
      conversation_id: id,
      continue_conversation: false,
    };
  },
};

function halves(text: string): string[] {
  const middle = Math.floor(text.length / 2);
  return [text.slice(0, middle), text.slice(middle)];
}

function status(code: number, body: object): Answer {
  return (response) =>
    response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function stream(events: { name?: string; data?: unknown }[]): Answer {
  return (response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
    for (const { name, data } of events) {
      if (name !== undefined) response.write(`event: ${name}\n`);
      if (data !== undefined)
        response.write(`data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n`);
      response.write('\n');
    }
    response.end();
  };
}
