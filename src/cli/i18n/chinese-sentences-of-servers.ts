/** Sentences about a database on a server; see `translate.ts`. */
export const OF_SERVERS: Readonly<Record<string, string>> = {
  '{} may not use the schema {} of {}': '{} 无权使用 {3} 的模式 {2}',
  '{} asks for a password, and the URL has none': '{} 需要密码，但 URL 里没有',
  'cannot read {}, the sslrootcert of the store': '无法读取 {}（数据库地址里的 sslrootcert）',
  '{} is PostgreSQL {}; wxagent needs 13 or newer': '{} 的版本是 PostgreSQL {}，wxagent 需要 13 或更高版本',
  '{} has the encoding {}; wxagent needs UTF8': '{} 的编码是 {}，wxagent 需要 UTF8',
  '{} can only be read: it is a standby, or set to be read only': '{} 只能读取：它是备库，或被设为只读',
  'a column has a type that SQLite does not have ({})': '有一列的类型是 SQLite 没有的（{}）',
  'not a number that can be kept: {}': '无法保存的数字：{}',
  'the server refuses the login at {}: {}': '数据库服务器拒绝登录 {}：{}',
  '{} lacks a right at {}: {}': '{} 在 {} 上缺少权限：{}',
  'there is no database {} at {}': '{2} 上没有数据库 {1}',
  'the certificate of {} is not trusted: {}': '{} 的证书不受信任：{}',
  'add sslrootcert=<file with the certificate of its issuer> to the URL':
    '请在 URL 中加上 sslrootcert=<签发者证书文件>',
  '{} offers no TLS, which sslmode={} asks for': '{} 不支持 TLS，而 sslmode={} 需要它',
  'the disk of the server is full ({})': '数据库服务器的磁盘已满（{}）',
  'this machine is short of room: {}': '本机资源不足：{}',
  'the address of the store is not a URL of PostgreSQL': '数据库地址不是 PostgreSQL 的 URL',
  'the address of the store has a port that is not a number from 1 to 65535':
    '数据库地址的端口不是 1 到 65535 的数字',
  'the address of the store names several hosts, but only one can be used':
    '数据库地址有多个主机，只能用一个',
  'the address of the store has a host that is not a host name': '数据库地址的主机名无效',
  'the address of the store has a host that is not a host name (an IPv6 address stands in brackets)':
    '数据库地址的主机名无效（IPv6 地址要放在方括号里）',
  'the address of the store has a parameter that is not known, {}. Known are {}':
    '数据库地址有不认识的参数 {}；可用的有 {,}',
  'the address of the store has the parameter "{}" twice': '数据库地址里参数“{}”出现了两次',
  'the address of the store has a schema that cannot be used: its name has up to {} small letters, digits and underscores, and does not begin with a digit or with pg_':
    '数据库地址里的 schema 不可用：名称最多 {} 个字符，只含小写字母、数字和下划线，不以数字或 pg_ 开头',
  'the address of the store has a "prepare" that is neither on nor off':
    '数据库地址里的 prepare 只能是 on 或 off',
  'the address of the store has an sslmode that is not known. Known are {}; "no-verify" is "require" here':
    '数据库地址里的 sslmode 不认识；可用的有 {,}（其他程序的“no-verify”在这里是“require”）',
  'the address of the store has an sslrootcert, but sslmode=disable':
    '数据库地址有 sslrootcert，但 sslmode=disable',
  'the address of the store has a NUL character': '数据库地址里有 NUL 字符',
  'the address of the store has characters that must be encoded: # as %23, % as %25, / as %2F, ? as %3F, @ as %40, a blank as %20':
    '数据库地址里有必须编码的字符：# 写作 %23，% 写作 %25，/ 写作 %2F，? 写作 %3F，@ 写作 %40，空格写作 %20',
  'it is not known whether {} has committed: {}': '不知道 {} 是否已提交：{}',
  'the tables of {} were deleted under this process': '{} 的数据表在运行中被删除',
};
