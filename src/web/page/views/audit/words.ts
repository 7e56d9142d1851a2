import { wordsIn } from '../../../../page/language.ts';

const en = {
  title: 'Audit',
  none: 'Nothing yet.',
  older: 'Show older ones',
  who: { terminal: 'terminal', token: 'token', browser: 'browser', invitation: 'invitation' } as Record<
    string,
    string
  >,
  acts: {
    'token-add': 'Token added:',
    'token-remove': 'Token removed:',
    'code-add': 'One-time code made',
    'session-start': 'Browser signed in:',
    'session-confirm': 'Browser confirmed by a code:',
    'session-end': 'Browser signed out:',
    'invitation-add': 'Invitation made:',
    'invitation-use': 'Invitation used:',
    'invitation-return': 'Invitation usable again, its login was not stored:',
    'invitation-remove': 'Invitation removed:',
    login: 'Account logged in:',
    logout: 'Account logged out:',
    allow: 'User allowed:',
    disallow: 'User no longer allowed:',
    drop: 'Part taken out of the outbox:',
    retry: 'Run or sent again:',
  } as Record<string, string>,
};

/** The words of the audit. */
export const auditWords = wordsIn<typeof en>({
  en,
  zh: {
    title: '审计记录',
    none: '还没有记录。',
    older: '显示更早的记录',
    who: { terminal: '终端', token: '访问令牌', browser: '浏览器', invitation: '邀请' },
    acts: {
      'token-add': '新建访问令牌：',
      'token-remove': '移除访问令牌：',
      'code-add': '生成一次性登录码',
      'session-start': '浏览器登录：',
      'session-confirm': '浏览器用登录码确认：',
      'session-end': '浏览器退出：',
      'invitation-add': '新建邀请：',
      'invitation-use': '邀请已使用：',
      'invitation-return': '登录没有保存，邀请恢复可用：',
      'invitation-remove': '移除邀请：',
      login: '账号登录：',
      logout: '账号退出登录：',
      allow: '放行用户：',
      disallow: '不再放行用户：',
      drop: '从发件箱移除：',
      retry: '重新处理或补发：',
    },
  },
});
