import { wordsIn } from '../../../../page/language.ts';
import { CHECK_WORDS } from '../../../../views/check-words.ts';

const en = {
  account: 'Account',
  byDefault: 'the default one',
  again: 'Check again',
  looking: 'Checking network, clock, login, files, disk and database…',
  allWell: 'Everything works.',
  first: (name: string) => `Begin with: ${name}`,
  ok: 'works',
  failed: 'does not work',
  checks: CHECK_WORDS.en,
};

export const doctorWords = wordsIn<typeof en>({
  en,
  zh: {
    account: '账号',
    byDefault: '默认账号',
    again: '重新检查',
    looking: '正在检查网络、时钟、登录、文件、磁盘和数据库……',
    allWell: '一切正常。',
    first: (name) => `请先处理：${name}`,
    ok: '正常',
    failed: '有问题',
    checks: CHECK_WORDS.zh,
  },
});
