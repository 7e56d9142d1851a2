import { wordsIn } from '../../../page/language.ts';

const en = {
  title: 'Invitation',
  about:
    'You are invited to chat with a program in WeChat. Scan a QR code with WeChat and confirm: a bot then appears among your contacts.',
  showCode: 'Show the QR code',
  until: (time: string) => `The invitation is good for one login, until ${time}.`,
  noToken: 'The link is not complete. Open the whole link that you were sent.',
  notValid: 'This invitation is not valid: it was removed, or the link is not complete.',
  askAgain: 'Ask whoever sent it for a new one.',
  close: 'This page can be closed.',
};

/** The words for somebody who is invited. */
export const invitedWords = wordsIn<typeof en>({
  en,
  zh: {
    title: '邀请',
    about: '有人邀请你在微信里和一个程序聊天。用微信扫描二维码并确认后，联系人里会出现一个机器人。',
    showCode: '显示二维码',
    until: (time) => `邀请只能登录一次，有效期至 ${time}。`,
    noToken: '链接不完整，请打开收到的完整链接。',
    notValid: '这个邀请无效：已被移除，或者链接不完整。',
    askAgain: '请向发送者索取新的邀请。',
    close: '可以关闭这个页面了。',
  },
});
