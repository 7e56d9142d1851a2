import { wordsIn } from '../../../../page/language.ts';

const en = {
  title: 'Audit',
  none: 'Nothing yet.',
  older: 'Show older ones',
};

export const auditWords = wordsIn<typeof en>({
  en,
  zh: {
    title: '审计记录',
    none: '还没有记录。',
    older: '显示更早的记录',
  },
});
