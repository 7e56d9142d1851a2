/** Sentences of the web server and of its tokens; see `translate.ts`. */
export const OF_WEB: Readonly<Record<string, string>> = {
  '{} goes with --web': '{} 只和 --web 一起用',
  '{} is open to the network without encryption: whoever is in between reads tokens and messages':
    '{} 对网络开放且没有加密：途经的任何人都能读到令牌和消息',
  'the API is at {}': 'API 地址：{}',
  'the {} {} cannot be read: {}': '无法读取 {2}（{1}）：{3}',
  '{}: it is opened anew': '{~}，正在重新打开',
  'cannot serve: {}': '无法提供服务：{~}',
  '{} has logged out': '{} 已退出登录',
  'a message to {} waits: {}': '给 {} 的消息还没有发出：{~}',
  'No tokens.': '没有访问令牌。',
  'a token is named with letters, digits, "_", "." and "-", not "{}"':
    '访问令牌的名称只能用字母、数字、“_”、“.”和“-”，不能是“{}”',
  'a token needs a scope: read, send or admin': '访问令牌需要权限范围：read、send 或 admin',
  'This token is shown only now: keep it where its program finds it.':
    '这个令牌只显示这一次，请存到使用它的程序能读到的地方。',
  'there is no token "{}"': '没有访问令牌“{}”',
  'there is a token "{}" already': '已经有访问令牌“{}”',
  'The token {} is removed.': '访问令牌 {} 已移除。',
  'It opens the server once, within 10 minutes: POST /api/v1/session.':
    '10 分钟内可用一次：POST /api/v1/session。',
  '--expires takes a time to come': '--expires 需要一个将来的期限',
  '{} takes an address to listen on, such as host:port, not "{}"':
    '{} 需要监听地址，例如 host:port，不能是“{}”',
  '--public-url takes http(s)://host, without a path, not "{}"':
    '--public-url 需要 http(s)://主机，不带路径，不能是“{}”',
  '--trust-proxy takes addresses or networks, not "{}"': '--trust-proxy 需要地址或网段，不能是“{}”',
  'No invitations.': '没有邀请。',
  'an invitation is named with letters, digits, "_", "." and "-", not "{}"':
    '邀请的名称只能用字母、数字、“_”、“.”和“-”，不能是“{}”',
  'This link is shown only now. Whoever opens it can add one account, while wxagent web runs.':
    '这个链接只显示这一次。wxagent web 运行时，打开链接的人可以添加一个账号。',
  'there is no invitation "{}"': '没有邀请“{}”',
  'there is an invitation "{}" already': '已经有邀请“{}”',
  'there is an account "{}" already': '已经有账号“{}”',
  'The invitation {} is removed.': '邀请 {} 已移除。',
  'this invitation was used or removed meanwhile': '这个邀请已被使用或移除',
  'Nothing yet.': '还没有记录。',
  '{} is not an address of this machine': '{} 不是本机的地址',
};
