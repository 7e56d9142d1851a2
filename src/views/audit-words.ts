import type { Act } from '../store/port/port.ts';

/** A word in both languages of people. */
type Word = Record<'en' | 'zh', string>;

/** Each act of the audit, as people read it before what it was done to. */
const ACT_WORDS: Readonly<Record<Act, Word>> = {
  'token-add': { en: 'Token added', zh: '新建访问令牌' },
  'token-remove': { en: 'Token removed', zh: '移除访问令牌' },
  'code-add': { en: 'One-time code made', zh: '生成一次性登录码' },
  'session-start': { en: 'Browser signed in', zh: '浏览器登录' },
  'session-confirm': { en: 'Browser confirmed by a code', zh: '浏览器用登录码确认' },
  'session-end': { en: 'Browser signed out', zh: '浏览器退出' },
  'source-add': { en: 'Source added', zh: '新建来源' },
  'source-remove': { en: 'Source removed', zh: '移除来源' },
  'invitation-add': { en: 'Invitation made', zh: '新建邀请' },
  'invitation-use': { en: 'Invitation used', zh: '邀请已使用' },
  'invitation-return': {
    en: 'Invitation usable again: its login was not stored',
    zh: '登录没有保存，邀请恢复可用',
  },
  'invitation-remove': { en: 'Invitation removed', zh: '移除邀请' },
  login: { en: 'Account logged in', zh: '账号登录' },
  logout: { en: 'Account logged out', zh: '账号退出登录' },
  allow: { en: 'User allowed', zh: '放行用户' },
  disallow: { en: 'User no longer allowed', zh: '不再放行用户' },
  drop: { en: 'Taken out of the outbox', zh: '从发件箱移除' },
  retry: { en: 'Run or sent again', zh: '重新处理或补发' },
};

const WHO: Readonly<Record<string, Word>> = {
  terminal: { en: 'terminal', zh: '终端' },
  token: { en: 'token', zh: '访问令牌' },
  browser: { en: 'browser', zh: '浏览器' },
  invitation: { en: 'invitation', zh: '邀请' },
};

/** An act in words; one of a newer wxagent stays as it is. */
export function actInWords(act: string, language: keyof Word): string {
  return Object.hasOwn(ACT_WORDS, act) ? ACT_WORDS[act as Act][language] : act;
}

/** Whoever did it, in words: `token cron` is 访问令牌 cron. */
export function whoInWords(who: string, language: keyof Word): string {
  const [kind = '', ...name] = who.split(' ');
  return [WHO[kind]?.[language] ?? kind, ...name].join(' ');
}
