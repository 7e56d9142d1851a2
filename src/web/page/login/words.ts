import { wordsIn } from '../../../page/language.ts';

const en = {
  title: 'Login',
  starting: 'The QR code is coming…',
  scan: 'Scan this code with WeChat, and confirm on the phone.',
  qr: 'QR code to log in with WeChat',
  renews: 'It is renewed by itself.',
  openLink: 'On the phone itself: open this link',
  newCode: 'The digits were wrong too often. This is a new code.',
  scanned: 'Scanned. Confirm on the phone.',
  verify: 'The phone shows a verification code.',
  verifyCode: 'Verification code',
  wrongCode: 'The digits were wrong. Type those that the phone shows now.',
  give: 'Go on',
  cancel: 'Cancel the login',
  cancelled: 'The login was cancelled.',
  failed: 'The login has failed.',
  done: 'Logged in.',
  already: 'This bot is logged in here already. Nothing has changed.',
  writeFirst: 'Now write to the bot in WeChat: it is a new contact, and it cannot write first.',
  oneBot: 'A WeChat account has one bot. A bot that it had elsewhere goes offline.',
};

/** The words of a login. */
export const loginWords = wordsIn<typeof en>({
  en,
  zh: {
    title: '登录',
    starting: '正在获取二维码……',
    scan: '请用微信扫描二维码，并在手机上确认。',
    qr: '微信登录二维码',
    renews: '二维码会自动更新。',
    openLink: '扫不了码？在手机上打开这个链接',
    newCode: '验证码错误次数太多，请重新扫描新的二维码。',
    scanned: '已扫码，请在手机上确认。',
    verify: '手机上显示了验证码。',
    verifyCode: '验证码',
    wrongCode: '验证码不对，请输入手机上现在显示的验证码。',
    give: '继续',
    cancel: '取消登录',
    cancelled: '登录已取消。',
    failed: '登录失败。',
    done: '登录成功。',
    already: '这个机器人已经在这里登录，没有任何变化。',
    writeFirst: '请在微信里给机器人发一条消息：它是新出现的联系人，你先发了，它才能给你发。',
    oneBot: '一个微信号只能有一个机器人；它在别处的机器人会下线。',
  },
});
