import { wordsIn } from '../../../page/language.ts';

const en = {
  noServer: 'The server does not answer.',
  notUnderstood: (status: number) => `The server has answered with status ${status}.`,
  notReadable: (name: string) => `${name} cannot be read: choose it again. A folder cannot be sent.`,
};

/** What the page says when the server says nothing. */
export const serverWords = wordsIn<typeof en>({
  en,
  zh: {
    noServer: '服务器没有响应。',
    notUnderstood: (status) => `服务器的响应状态是 ${status}。`,
    notReadable: (name) => `无法读取 ${name}：请重新选择。不能发送目录。`,
  },
});
