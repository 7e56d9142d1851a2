import type { CommandSpec } from '../port/command-spec.ts';

const FILE = {
  '[file]': {
    en: 'path of the backup; -: stdout, or stdin to restore',
    zh: '备份文件的路径；-：标准输出，恢复时为标准输入',
  },
};

/** What keeps a store in one file, and brings it back. */
export const BACKUP_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'backup',
    group: 'state',
    about: {
      en: 'write everything in the store, logins included, to one file',
      zh: '把全部数据（包括登录信息）备份到一个文件',
    },
    args: FILE,
    settings: ['replaceFile'],
    needsNoStore: true,
    load: async () => (await import('./backup.ts')).backup,
  },
  {
    name: 'restore',
    group: 'state',
    about: { en: 'fill an empty store from a backup', zh: '从备份恢复到空的位置' },
    args: FILE,
    needsNoStore: true,
    load: async () => (await import('./restore.ts')).restore,
  },
];
