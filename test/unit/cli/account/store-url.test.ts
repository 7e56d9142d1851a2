import { expect, test } from 'vitest';
import { formOfStore, shownStore } from '../../../../src/cli/account/store-url.ts';

test.each([
  ['postgres://u:SECRET@h:5432/db?sslmode=require', 'server', 'postgres://u:***@h:5432/db?sslmode=require'],
  ['PostgreSQL://u:SECRET@h/db', 'server', 'PostgreSQL://u:***@h/db'],
  ['postgres://u:SEC@RET/#?x@h/db', 'server', 'postgres://u:***@h/db'],
  ['postgres://u:a:SECRET@h/db', 'server', 'postgres://u:***@h/db'],
  ['postgres://u@h/db', 'server', 'postgres://u@h/db'],
  ['postgres://h/db?user=u&password=SECRET', 'server', 'postgres://h/db?user=u&password=***'],
  ['postgres://u:SECRET', 'server', 'postgres://***'],
  ['postgres://h:5432/db', 'server', 'postgres://h:5432/db'],
  ['postgres:SECRET@h', 'server', '***'],
  ['mysql://root:SECRET@h/db', 'other', 'mysql://root:***@h/db'],
  ['"postgres://u:SECRET@h/db"', 'other', '"postgres://u:***@h/db"'],
  ['host=h user=u password=SECRET dbname=d', 'other', '***'],
  ['password = SECRET', 'other', '***'],
  ['u:SECRET@h/db', 'other', '***'],
  ['//u:SECRET@h/db', 'other', '***'],
  ['1.2.3.4:SECRET@h', 'other', '***'],
  ['jdbc:postgresql://h/db?password=SECRET', 'other', '***'],
  ['postgres', 'other', '***'],
  ['file:x.db', 'other', '***'],
  ['x.db', 'path', 'x.db'],
  ['../data/x@y.db', 'path', '../data/x@y.db'],
  ['/var/lib/wx.db', 'path', '/var/lib/wx.db'],
  ['C:\\data\\x.db', 'path', 'C:\\data\\x.db'],
  ['c:/data/x.db', 'path', 'c:/data/x.db'],
  ['@/etc/wxagent/store', 'path', '@/etc/wxagent/store'],
])('%s is a %s, shown as %s', (text, form, shown) => {
  expect(formOfStore(text)).toBe(form);
  expect(shownStore(text)).toBe(shown);
  expect(shownStore(text)).not.toContain('SECRET');
});
