/** Sentences about a database on a server; see `translate.ts`. */
export const OF_SERVERS: Readonly<Record<string, string>> = {
  '{} may not use the schema {} of {}': '{} 无权使用 {3} 的模式 {2}',
  '{} asks for a password, and the URL has none': '{} 需要密码，但 URL 里没有',
  'cannot read {}, the {} of the store': '无法读取 {}（数据库地址里的 {}）',
  '{}, the {} of the store, has nothing in PEM': '{}（数据库地址里的 {}）里没有 PEM 格式的内容',
  'it begins with -----BEGIN: head -1 {}': '它应以 -----BEGIN 开头：head -1 {}',
  'sslcert, sslkey or sslrootcert of {} cannot be used: {}':
    '{} 的 sslcert、sslkey 或 sslrootcert 无法使用：{}',
  'sslkey has to be the key of sslcert, in PEM and without a passphrase':
    'sslkey 应是 sslcert 的私钥，PEM 格式，没有口令',
  '{} refuses the connection: {}': '{} 拒绝连接：{}',
  'check options in the URL, with a blank as %20': '请检查 URL 里的 options，空格写成 %20',
  '{} does not prove over TLS that it knows the password, which channel_binding=require asks for':
    '{} 没有通过 TLS 证明它知道密码，而 channel_binding=require 需要它',
  'say sslmode=verify-full in the URL instead: it checks the certificate':
    '请在 URL 里改写 sslmode=verify-full：它会检查证书',
  '{} is PostgreSQL {}; wxagent needs 13 or newer': '{} 的版本是 PostgreSQL {}，wxagent 需要 13 或更高版本',
  '{} has the encoding {}; wxagent needs UTF8': '{} 的编码是 {}，wxagent 需要 UTF8',
  '{} can only be read: it is a standby': '{} 只能读取：它是备库',
  '{} can only be read: it is set so': '{} 只能读取：它被设为只读',
  'name the primary in the URL, or both: postgres://user@one,two/database':
    '请在 URL 里写主库，或两个都写：postgres://user@one,two/database',
  'a column has a type that SQLite does not have ({})': '有一列的类型是 SQLite 没有的（{}）',
  'a step that only reads has something to write': '只读的步骤里有要写入的语句',
  'not a number that can be kept: {}': '无法保存的数字：{}',
  'the server refuses the login at {}: {}': '数据库服务器拒绝登录 {}：{}',
  '{} lacks a right at {}: {}': '{} 在 {} 上缺少权限：{}',
  'there is no database {} at {}': '{2} 上没有数据库 {1}',
  'the certificate of {} is not trusted: {}': '{} 的证书不受信任：{}',
  'add sslrootcert=<file with the certificate of its issuer> to the URL':
    '请在 URL 中加上 sslrootcert=<签发者证书文件>',
  'name the host as its certificate does, or say sslmode=verify-ca in the URL':
    '请按证书上的名称写主机，或在 URL 里写 sslmode=verify-ca',
  '{} offers no TLS at once, which sslnegotiation=direct asks for':
    '{} 不支持直接开始 TLS，而 sslnegotiation=direct 需要它',
  'leave sslnegotiation out of the URL: it needs PostgreSQL 17, and no pooler before it':
    '请从 URL 里去掉 sslnegotiation：它需要 PostgreSQL 17，且前面没有连接池',
  '{} offers no TLS, which sslmode={} asks for': '{} 不支持 TLS，而 sslmode={} 需要它',
  'the disk of the server is full ({})': '数据库服务器的磁盘已满（{}）',
  'this machine is short of room: {}': '本机资源不足：{}',
  'the address of the store is not a URL of PostgreSQL': '数据库地址不是 PostgreSQL 的 URL',
  'the address of the store has a port that is not a number from 1 to 65535':
    '数据库地址的端口不是 1 到 65535 的数字',
  'the address of the store does not have as many ports as hosts': '数据库地址里端口和主机的数量不一致',
  'the address of the store has a host that is not a host name': '数据库地址的主机名无效',
  'the address of the store has a host that is not a host name (write an IPv6 address in brackets)':
    '数据库地址的主机名无效（IPv6 地址要放在方括号里）',
  'the address of the store has a parameter that is not known, {}: leave it out. Known are {}':
    '数据库地址有不认识的参数 {}，请去掉；可用的有 {,}',
  'the address of the store has the parameter {}: write {} instead': '数据库地址有参数 {}，请改写 {}',
  'the address of the store asks for something that wxagent cannot do, with "{}": leave it out':
    '数据库地址的参数“{}”要求的事 wxagent 做不到，请去掉',
  'the address of the store has a connect_timeout that is not a number of seconds':
    '数据库地址里的 connect_timeout 不是秒数',
  'the address of the store has one of sslcert and sslkey, but not the other':
    '数据库地址里的 sslcert 和 sslkey 只给了一个',
  'the address of the store has sslnegotiation=direct, which needs sslmode=require or more':
    '数据库地址有 sslnegotiation=direct，它需要 sslmode=require 或更严格',
  'the address of the store has a channel_binding that is neither disable, prefer nor require':
    '数据库地址里的 channel_binding 只能是 disable、prefer 或 require',
  'the address of the store has the parameter "{}" twice': '数据库地址里参数“{}”出现了两次',
  'the address of the store has a schema that cannot be used: its name has up to {} small letters, digits and underscores, and does not begin with a digit or with pg_':
    '数据库地址里的 schema 不可用：名称最多 {} 个字符，只含小写字母、数字和下划线，不以数字或 pg_ 开头',
  'the address of the store has a "{}" that is neither {} nor {}': '数据库地址里的 {} 只能是 {} 或 {}',
  'the address of the store has an sslmode that is not known. Known are {}; "no-verify" is "require" here':
    '数据库地址里的 sslmode 不认识；可用的有 {,}（其他程序的“no-verify”在这里是“require”）',
  'the address of the store has an sslrootcert, but sslmode=disable':
    '数据库地址有 sslrootcert，但 sslmode=disable',
  'the address of the store has a NUL character': '数据库地址里有 NUL 字符',
  'the address of the store has characters that must be encoded: # as %23, % as %25, / as %2F, ? as %3F, @ as %40, a blank as %20':
    '数据库地址里有必须编码的字符：# 写作 %23，% 写作 %25，/ 写作 %2F，? 写作 %3F，@ 写作 %40，空格写作 %20',
  'it is not known whether {} has committed: {}': '不知道 {} 是否已提交：{}',
  'the tables of {} were deleted under this process': '{} 的数据表在运行中被删除',
  'say sslmode=require in the URL': '请在 URL 里写上 sslmode=require',
  'allow this host, user and database in pg_hba.conf of the server':
    '请在服务器的 pg_hba.conf 里允许这个主机、用户和数据库',
  'run it as the user of this machine who has that name, or let pg_hba.conf of the server ask for a password':
    '请以本机的同名用户运行，或在服务器的 pg_hba.conf 里改为要密码',
  'check user and password in the URL': '请检查 URL 里的用户和密码',
  'what answers at {} is not PostgreSQL': '{} 上的服务不是 PostgreSQL',
  'check the host and the port of the URL': '请检查 URL 里的主机和端口',
  'process {} on {} has not renewed its lease on {}; waiting until it may be taken over':
    '{2} 上的进程 {1} 没有续约 {3}；等到可以接管为止',
  'process {} on {} has the lease on {} for {} s; waiting to see whether it is renewed':
    '{2} 上的进程 {1} 对 {3} 的租约还剩 {4} 秒；等着看它是否续约',
  'the lease on {} could not be renewed: another process may receive its messages now':
    '未能及时续约 {}：其他进程现在可能在收取它的消息',
  '{}; trying again until the server answers': '{~}；会一直重试，直到数据库服务器恢复',
  'One machine serves an SQLite store; who serves which account:':
    'SQLite 数据库只由一台机器使用；查看每个账号由谁运行：',
  'No process receives messages.': '没有进程在收取消息。',
  'another worker serves {} by now': '{} 现在由另一个工作进程接手',
  'accounts that nobody serves, because no worker may open more files: {}; start another worker, or raise LimitNOFILE= of systemd (ulimit -n)':
    '有账号无人服务，因为所有工作进程可打开的文件数都已用完：{}；请增加工作进程，或调大 systemd 的 LimitNOFILE=（ulimit -n）',
  'the leases of this worker cannot be renewed: {}': '这个工作进程未能续约：{~}',
  'no account is logged in at {}': '{} 上没有登录的账号',
  'cannot read {}, which {} names: {}': '无法读取 {2} 指定的 {1}：{3}',
  '{} is empty: it takes postgres://... or the path of an SQLite file':
    '{} 是空的，应为 postgres://... 或 SQLite 文件的路径',
  '{} names two: {} and {}': '{} 给了两个：{} 和 {}',
  'give the one that is meant': '请只给要用的那个',
  '{} takes postgres://... or the path of an SQLite file, not {}':
    '{} 应为 postgres://... 或 SQLite 文件的路径，不能是 {}',
  '{} is a folder: {} takes the path of a file': '{} 是目录，{} 应为文件的路径',
  'there is no folder {} for the store': '数据库所在的目录 {} 不存在',
  'it is not in the database any more, or not whole': '它已不在数据库里，或不完整',
  'what was stored of the file was removed meanwhile': '文件存到一半，已存的部分被清除了',
  'send it again': '请重新发送',
  'may not create tables at {}': '没有在 {} 建表的权限',
  'may create tables': '可以建表',
  'its clock and that of this machine are {} s apart': '数据库服务器的时钟与本机相差 {} 秒',
  'within {} ms of this machine': '与本机相差不到 {} 毫秒',
  'set both clocks: timedatectl set-ntp true': '请校准两边的时钟：timedatectl set-ntp true',
  '{} of {} connections in use': '已用 {} 个连接，共 {} 个',
  'let the owner of the tables run it, or restore them with: pg_restore --no-owner --role="{}"':
    '请由这些表的所有者运行，或这样恢复：pg_restore --no-owner --role="{}"',
  'raise max_connections, or put pgbouncer before it': '请调大 max_connections，或在前面加 pgbouncer',
  'fsync is off: a crash of the server loses messages': 'fsync 已关闭：服务器崩溃会丢消息',
  'every commit is on its disk': '每次提交都已写入它的磁盘',
  'no standbys': '没有备库',
  '{} standbys; how far they are behind shows after {}': '备库 {} 个；执行 {} 后才能看到它们的延迟',
  '{} standbys, {} ms behind, {} synchronous': '备库 {} 个，最多落后 {} 毫秒，其中同步的 {} 个',
  'look at pg_stat_replication, and into the log of the standby': '请查看 pg_stat_replication 和备库的日志',
  'a standby is {} s behind: what it lacks is lost when it is promoted':
    '有备库落后 {} 秒：提升为主库时，它缺少的内容会丢失',
  '{}: PostgreSQL {}, {} ms a query': '{}：PostgreSQL {}，每次查询 {} 毫秒',
  '{}: PostgreSQL {}, {} ms a query, no tables yet': '{}：PostgreSQL {}，每次查询 {} 毫秒，还没有表',
  'connection: {}; logins: {}': '连接：{~}；登录信息：{~}',
  'a socket of this machine': '本机套接字',
  'not encrypted': '未加密',
  'plain text': '明文',
  'WXAGENT_STORE_KEY and --store-plaintext exclude each other':
    'WXAGENT_STORE_KEY 和 --store-plaintext 不能同时使用',
  'to read what was encrypted, name its key as WXAGENT_STORE_KEY_OLD':
    '要读取已加密的内容，请把它的密钥放在 WXAGENT_STORE_KEY_OLD 里',
  'logins are kept in the database: give a key that encrypts them, WXAGENT_STORE_KEY, or say --store-plaintext':
    '登录信息保存在数据库里：请用 WXAGENT_STORE_KEY 给出加密的密钥，或明确写 --store-plaintext',
  'make a key, and keep it, because without it the logins are lost: openssl rand -base64 32':
    '请生成密钥并妥善保存，丢了它登录信息也就没了：openssl rand -base64 32',
  '{} takes a key of {} bytes in base64, and has {} bytes': '{} 应为 base64 写的 {} 字节密钥，这里是 {} 字节',
  '{} takes a key of {} bytes in base64': '{} 应为 base64 写的 {} 字节密钥',
  'the login of {} is encrypted, and WXAGENT_STORE_KEY is not set':
    '{} 的登录信息已加密，而没有设置 WXAGENT_STORE_KEY',
  'set WXAGENT_STORE_KEY to the key it was encrypted with': '请把 WXAGENT_STORE_KEY 设为加密时用的密钥',
  'WXAGENT_STORE_KEY does not decrypt the login of {}: it is another key':
    'WXAGENT_STORE_KEY 解不开 {} 的登录信息：不是同一个密钥',
  'WXAGENT_STORE_KEY=<new key>,<old key> reads both, and encrypts with the new one':
    'WXAGENT_STORE_KEY=<新密钥>,<旧密钥> 两个都能解密，并用新密钥加密',
  'the login of {} cannot be decrypted: it was changed in the database, or is of a newer version':
    '{} 的登录信息无法解密：它在数据库里被改过，或来自更新的版本',
  'restore the row of the table credentials from a backup, or delete it and run: wxagent login':
    '请从备份恢复 credentials 表里的这一行，或删掉它再运行：wxagent login',
  'the store {} has moved to {}: it is served there': '{} 的数据已迁移到 {}，请在那里使用',
  '{} brings it back': '迁回来：{}',
  'the store {} is not whole: its move from {} has not ended': '{} 的数据不完整：从 {} 的迁移还没有完成',
  'the store {} is being moved to {}': '{} 的数据正在迁移到 {}',
  '{} goes on; with --cancel it stays here': '继续迁移：{}；加 --cancel 则留在这里',
  'the store {} is not being moved': '{} 没有正在进行的迁移',
  'the store {} is in use: {}': '{} 正在使用：{~}',
  'cannot write {} in {}: {}': '无法在 {2} 写入 {1}：{3}',
  'make room on that disk, then try again': '请在那个磁盘上腾出空间再试',
  'process {} on {} receives for {}': '{2} 上的进程 {1} 正在收取 {3} 的消息',
  'process {} on {} is a worker': '{2} 上的进程 {1} 是工作进程',
  'process {} on {} sends messages of {}': '{2} 上的进程 {1} 正在发送 {3} 的消息',
  'stop it, then try again; after a crash, in a minute': '请停掉它再试；如果是崩溃了，请过一分钟再试',
  'process {} on {} moves this store now': '{2} 上的进程 {1} 正在迁移这个数据库',
  'another process moves the store {} now': '另一个进程正在迁移 {}',
  'wait until it has ended': '请等它结束',
  '{} is not empty: it has {} of another store': '{} 不是空的：里面有其他数据（{}）',
  'name an empty place: another home, or another ?schema=': '请指定空的位置：另一个主目录，或另一个 ?schema=',
  '{} is not the same at the target: {}': '{} 在目标里不一致：{~}',
  'their digests differ': '摘要不同',
  '{} rows became {}': '{} 行变成了 {} 行',
  'run the same command again: it copies that table anew': '请再运行一次同样的命令，它会重新复制这张表',
  'the move was stopped: the store stays where it was': '迁移已停止，数据仍在原处',
  'run the same command again to go on': '再运行一次同样的命令即可继续',
  '{} and {} are the same store': '{} 和 {} 是同一个数据库',
  'The move was given up: {} can be served again.': '已放弃迁移，{} 可以继续使用。',
  'store migrate takes --from and --to instead of --store': 'store migrate 用 --from 和 --to，不用 --store',
  '--cancel goes with --from, and not with --to': '--cancel 只和 --from 一起用，不和 --to 一起用',
  'store migrate needs --from, --to or both': 'store migrate 需要 --from 或 --to，或两者都给',
  'there is no store in {}': '{} 里没有数据',
  'Everything is at {} now, and the same. {} is not served any more.':
    '全部数据已在 {}，核对一致。{} 不再使用。',
  'the state of agents stays on this machine, in {}': '智能体的数据留在本机：{}',
  'rows of {} cannot be moved: {}': '{} 里有无法迁移的行：{~}',
  'the key {} is there twice': '键 {} 出现了两次',
  '{} has a value that is not text: {}': '{} 里有不是文本的值：{}',
  '{} has a value that is not a whole number: {}': '{} 里有不是整数的值：{}',
  'mend or delete those rows in the source, then run the same command again':
    '请在源数据库里修正或删除这些行，再运行一次同样的命令',
  'the store {} is not whole: its restore from {} has not ended': '{} 的数据不完整：从 {} 的恢复还没有完成',
  '{} is a backup, and no store': '{} 是备份文件，不能直接使用',
  'the backup {} is not what the store has: {}': '备份 {} 和数据不一致：{~}',
  '{}: {} rows became {}': '{}：{} 行变成了 {} 行',
  'run the same command again': '请再运行一次同样的命令',
  'the backup was stopped: there is no file': '备份已停止，没有写出文件',
  'accounts {}, messages {}, parts still to be sent {}, their files {}':
    '账号 {}，消息 {}，待发 {}，待发的文件 {}',
  'It has tokens that are readable: keep it to yourself.': '文件里有明文令牌，请妥善保管。',
  '{} needs the path of a file': '{} 需要文件路径',
  '{} is no file': '{} 不是文件',
  '{} is the store itself': '{} 就是正在备份的数据本身',
  '{} is there already': '{} 已存在',
  'cannot write in {}: {}': '无法写入 {}：{}',
  'cannot write in {}: the disk is full': '无法写入 {}：磁盘已满',
  'make room on that disk, or name a file on another one': '请清理该磁盘，或换一个磁盘上的文件',
  'with --json, a backup cannot go to stdout': '有 --json 时，不能把备份写到标准输出',
  'a backup is not for a terminal': '不能把备份写到终端',
  'a backup is not typed': '备份不能从终端输入',
  'The backup has no digest: an older wxagent wrote it. Whether its content is as it was written is not known.':
    '备份没有校验和，由旧版 wxagent 写成，无法确认内容是否完好。',
  'What came after {} is not in it. The store that was backed up must not run any more: two receivers of one login lose messages to each other.':
    '{} 之后的内容不在备份里。原来的不能再运行：同一个登录有两处同时收取会丢消息。',
  '{} is no backup of wxagent': '{} 不是 wxagent 的备份',
  'wxagent backup <file> writes one': '用 wxagent backup <文件> 备份',
  'the backup {} is damaged: {}': '备份 {} 已损坏：{~}',
  'it has {} of {} bytes': '只有 {} 字节，应有 {} 字节',
  'it has {} bytes': '只有 {} 字节',
  'it is empty': '里面没有内容',
  'something was added to it': '末尾多出了内容',
  'its last line, with its digest, is not whole': '末行的校验和不完整',
  'its content does not have its digest': '内容和校验和不一致',
  'it does not say what it has': '缺少内容说明',
  'restore another backup': '请换一个备份',
  'the backup {} was written by a newer wxagent (schema {})':
    '备份 {} 由更新版本的 wxagent 写成（schema {}）',
};
