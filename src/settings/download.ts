import type { Setting } from './setting.ts';

/** Settings of `download` (contract 2). */
export const DOWNLOAD = {
  out: {
    kind: 'text',
    flag: '-o <path>',
    about: 'folder, with --param also file, that gets them; -: stdout (default: here)',
    flagOnly: true,
  },
  item: {
    kind: 'text',
    flag: '--item <json|->',
    about: 'instead of a message: the item of one, as iLink writes it; -: from stdin',
    flagOnly: true,
  },
  param: {
    kind: 'text',
    flag: '--param <encrypt_query_param>',
    about: 'instead of a message: what the CDN knows a file by',
    flagOnly: true,
  },
  mediaKey: {
    kind: 'text',
    flag: '--key <aes_key>',
    about: 'for --param: its key, in hex or base64',
    flagOnly: true,
  },
  largest: {
    kind: 'size',
    flag: '--max-media <size>',
    about: 'largest file that is fetched (default: any)',
    flagOnly: true,
  },
  wav: { kind: 'switch', flag: '--wav', about: 'voice messages as WAV', flagOnly: true },
} as const satisfies Record<string, Setting>;
