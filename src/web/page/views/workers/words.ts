import { wordsIn } from '../../../../page/language.ts';

const en = {
  who: 'Who serves which account',
  noAccounts: 'No account has logged in yet.',
  nobody: 'nobody: wxagent run --all-accounts',
  expired: 'nobody: the login has expired',
  process: (host: string, pid: number) => `process ${pid} on ${host}`,
  oneMachine: 'One machine serves an SQLite store. With PostgreSQL, workers share the accounts.',
  states: { serving: 'serving', leaving: 'leaving', expired: 'gone' } as Record<string, string>,
  purposes: {
    share: 'shares all accounts',
    serve: 'serves accounts it was given',
    look: 'looks only',
  } as Record<string, string>,
  accounts: (n: number) => (n === 1 ? '1 account' : `${n} accounts`),
  accountsOf: (n: number, most: number) => `${n} of at most ${most} accounts`,
  started: (ago: string) => `started ${ago}`,
  renewed: (seconds: number) => `renewed ${seconds} s ago`,
};

export const workersWords = wordsIn<typeof en>({
  en,
  zh: {
    who: '各账号由谁接收',
    noAccounts: '还没有登录任何账号。',
    nobody: '没有进程：wxagent run --all-accounts',
    expired: '没有进程：登录已失效',
    process: (host, pid) => `${host} 上的进程 ${pid}`,
    oneMachine: 'SQLite 存储由一台机器服务。用 PostgreSQL 时，多个工作进程分担账号。',
    states: { serving: '正在服务', leaving: '正在退出', expired: '已消失' },
    purposes: { share: '分担所有账号', serve: '服务指定的账号', look: '只查看' },
    accounts: (n) => `${n} 个账号`,
    accountsOf: (n, most) => `${n} 个账号，最多 ${most} 个`,
    started: (ago) => `启动于 ${ago}`,
    renewed: (seconds) => `${seconds} 秒前续约`,
  },
});
