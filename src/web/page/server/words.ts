import { wordsIn } from '../../../page/language.ts';

const en = {
  noServer: 'The server does not answer.',
  notUnderstood: (status: number) => `The server has answered with status ${status}.`,
};

/** What the page says when the server says nothing. */
export const serverWords = wordsIn<typeof en>({
  en,
  zh: {
    noServer: '服务器没有响应。',
    notUnderstood: (status) => `服务器的响应状态是 ${status}。`,
  },
});
