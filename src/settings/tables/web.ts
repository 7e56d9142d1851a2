import type { Setting } from './setting-row.ts';

/** Settings of the web server: of `web`, and of `run --web`. */
export const WEB = {
  listen: {
    kind: 'text',
    flag: '--listen <address>',
    about: { en: 'address and port to listen on', zh: '监听的地址和端口' },
    default: '127.0.0.1:7788',
  },
  open: {
    kind: 'switch',
    flag: '--open',
    about: { en: 'open the page in the browser of this machine', zh: '在本机的浏览器里打开页面' },
    flagOnly: true,
  },
  web: {
    kind: 'text',
    flag: '--web [address]',
    about: { en: 'serve the page and the API as well, here', zh: '同时提供页面和 API，监听这个地址' },
    group: 'web',
    preset: '127.0.0.1:7788',
  },
  publicUrl: {
    kind: 'text',
    flag: '--public-url <url>',
    about: { en: 'https://host of the proxy in front', zh: '前面的反向代理的地址：https://主机' },
    group: 'web',
  },
  trustProxy: {
    kind: 'text',
    flag: '--trust-proxy <networks>',
    about: {
      en: 'addresses whose X-Forwarded-For and -Proto count',
      zh: '信任这些地址发来的 X-Forwarded-For 和 -Proto',
    },
    group: 'web',
  },
  tlsCert: {
    kind: 'text',
    flag: '--tls-cert <file>',
    about: { en: 'serve https with this certificate (PEM)', zh: '用这个证书（PEM）提供 https' },
    group: 'web',
  },
  tlsKey: {
    kind: 'text',
    flag: '--tls-key <file>',
    about: { en: 'key of --tls-cert (PEM)', zh: '--tls-cert 的密钥（PEM）' },
    group: 'web',
  },
  tokenScope: {
    kind: 'choice',
    flag: '--scope <scope>',
    about: { en: 'what it may do', zh: '权限范围' },
    choices: ['read', 'send', 'push', 'admin'],
    flagOnly: true,
  },
  tokenTo: {
    kind: 'text',
    flag: '--to <user>',
    about: { en: 'only for this user', zh: '只限这个用户' },
    flagOnly: true,
  },
  expires: {
    kind: 'duration',
    flag: '--expires <duration>',
    about: {
      en: 'for so long, such as 90d; default: until it is removed',
      zh: '有效期，例如 90d；默认一直有效',
    },
    flagOnly: true,
  },
  inviteExpires: {
    kind: 'duration',
    flag: '--expires <duration>',
    about: { en: 'for so long, such as 3d', zh: '有效期，例如 3d' },
    default: '24h',
    flagOnly: true,
  },
} as const satisfies Record<string, Setting>;

/** What `run` takes of them. */
export const RUN_WEB = ['web', 'publicUrl', 'trustProxy', 'tlsCert', 'tlsKey'] as const;
