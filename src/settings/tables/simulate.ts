import { flagsOnly } from './setting-row.ts';

/** Settings of the simulator. */
export const SIMULATE = flagsOnly({
  port: {
    kind: 'count',
    flag: '--port <n>',
    about: { en: 'port to listen on; 0: any free port', zh: '监听端口；0：任意空闲端口' },
    default: '0',
    min: 0,
    max: 65_535,
  },
  seed: {
    kind: 'count',
    flag: '--seed <n>',
    about: { en: 'seed for repeatable IDs and faults', zh: '随机种子，使 ID 和故障可重现' },
    default: '1',
    min: 0,
  },
  scan: {
    kind: 'choice',
    flag: '--scan <mode>',
    about: { en: 'who scans the QR code: the simulator or you', zh: '谁来扫码：模拟器自动，或由你操作' },
    choices: ['auto', 'manual'],
    default: 'auto',
  },
  script: {
    kind: 'text',
    flag: '--script <file>',
    about: { en: 'JSON Lines of control calls to play', zh: '按 JSON Lines 文件执行控制调用' },
  },
  interactive: {
    kind: 'switch',
    flag: '--interactive',
    about: {
      en: 'write the messages of the phone yourself, here or in a browser',
      zh: '由你写手机上的消息，在终端或浏览器里',
    },
  },
});
