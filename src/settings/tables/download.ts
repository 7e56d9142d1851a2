import { flagsOnly } from './setting-row.ts';

export const DOWNLOAD = flagsOnly({
  out: {
    kind: 'text',
    flag: '-o <path>',
    about: {
      en: 'output folder (with --param: file); -: stdout (default: current folder)',
      zh: '输出目录（用 --param 时为文件）；-：标准输出（默认：当前目录）',
    },
  },
  item: {
    kind: 'text',
    flag: '--item <json|->',
    about: {
      en: 'download the file of this iLink message item (JSON); -: read it from stdin',
      zh: '下载这个 iLink 消息项（JSON）的文件；-：从标准输入读取',
    },
  },
  param: {
    kind: 'text',
    flag: '--param <encrypt_query_param>',
    about: {
      en: 'download the CDN file with this parameter; needs --key',
      zh: '下载这个 CDN 参数对应的文件；需要 --key',
    },
  },
  mediaKey: {
    kind: 'text',
    flag: '--key <aes_key>',
    about: { en: 'key for --param, hex or base64', zh: '--param 的密钥，十六进制或 base64' },
  },
  largest: {
    kind: 'size',
    flag: '--max-media <size>',
    about: { en: 'largest file to download (default: no limit)', zh: '下载文件的大小上限（默认：不限）' },
  },
  wav: {
    kind: 'switch',
    flag: '--wav',
    about: { en: 'convert voice messages to WAV', zh: '把语音转成 WAV' },
  },
});
