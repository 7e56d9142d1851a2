import { wordsIn } from '../../../page/language.ts';

const en = {
  noServer: 'The server does not answer.',
  notOurs: (status: number) => `Something in front of the server has answered, with status ${status}.`,
  tooLarge:
    'Something in front of the server does not take so much at once. In nginx, raise client_max_body_size.',
  noCookie:
    'The code is right, but this browser has kept no cookie. Allow cookies for this page. Where the server has an https address, open that one.',
  notReadable: (name: string) => `${name} cannot be read: choose it again. A folder cannot be sent.`,
};

/** What the page says when the server says nothing. */
export const serverWords = wordsIn<typeof en>({
  en,
  zh: {
    noServer: '服务器没有响应。',
    notOurs: (status) => `响应来自服务器前面的代理，状态是 ${status}。`,
    tooLarge: '服务器前面的代理不接受这么大的内容。nginx 请调大 client_max_body_size。',
    noCookie:
      '登录码正确，但浏览器没有保存 Cookie。请允许此页面使用 Cookie；如果服务器有 https 地址，请用那个地址打开。',
    notReadable: (name) => `无法读取 ${name}：请重新选择。不能发送目录。`,
  },
});
