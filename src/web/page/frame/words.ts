import { wordsIn } from '../../../page/language.ts';

const en = {
  title: 'wxagent',
  toContent: 'To the content',
  views: 'Views',
  more: 'More',
  leave: 'Sign out',
  close: 'Close',
  cancel: 'Cancel',
  loading: 'Loading…',
  again: 'Try again',
  trouble: {
    server: 'The server does not answer. What you see may be old. The page tries again by itself.',
    between:
      'Something in front of the server answers in its place. What you see may be old. If you have to sign in there, reload the page.',
    store: 'The server cannot use its store. What you see may be old. The page tries again by itself.',
  },
  outdated: 'The server was updated. Reload the page.',
  signIn: {
    title: 'Sign in',
    about: 'Make a one-time code in a terminal of the server:',
    lasts: 'It is good for 10 minutes, and once.',
    code: 'One-time code',
    act: 'Sign in',
  },
  confirmCode: {
    title: 'Confirm that it is you',
    about: 'This lets somebody in or out. Make a new one-time code in a terminal of the server:',
    act: 'Go on',
  },
  copy: 'Copy',
  copied: 'Copied.',
  selected: 'It is selected: copy it by hand.',
  done: 'Done',
  now: 'now',
};

/** The words around every view. */
export const frameWords = wordsIn<typeof en>({
  en,
  zh: {
    title: 'wxagent',
    toContent: '跳到内容',
    views: '页面',
    more: '更多',
    leave: '退出',
    close: '关闭',
    cancel: '取消',
    loading: '正在加载……',
    again: '重试',
    trouble: {
      server: '服务器没有响应，看到的内容可能已经过时。页面会自动重试。',
      between: '响应来自服务器前面的代理，看到的内容可能已经过时。如果需要在代理那里登录，请刷新页面。',
      store: '服务器无法使用它的存储，看到的内容可能已经过时。页面会自动重试。',
    },
    outdated: '服务器已更新，请刷新页面。',
    signIn: {
      title: '登录',
      about: '在服务器的终端里生成一次性登录码：',
      lasts: '10 分钟内可用一次。',
      code: '一次性登录码',
      act: '登录',
    },
    confirmCode: {
      title: '请确认是你本人',
      about: '这项操作会授权或移除访问。请在服务器的终端里生成新的一次性登录码：',
      act: '继续',
    },
    copy: '复制',
    copied: '已复制。',
    selected: '已选中，请手动复制。',
    done: '完成',
    now: '刚刚',
  },
});
