import { WxError } from '../../core/errors.ts';
import type { ServerReport } from '../../store/postgres-report.ts';
import type { StoreServer } from '../../store/postgres-server.ts';
import type { CommandContext } from '../port/context.ts';
import type { Check } from './check.ts';

/** From here on ages of messages, which each machine counts by its own clock, differ too much. */
const CLOCK_LIMIT_MS = 60_000;
/** A standby that is further behind is of little use. */
const LAG_LIMIT_MS = 60_000;
/** Below this the next worker may not get its connections. */
const SPARE_CONNECTIONS = 10;

/** Reports by server: all checks of one run look at the same one. */
const reports = new WeakMap<StoreServer, Promise<ServerReport>>();

/** The checks of a store on a server; each depends on those before it. */
export const SERVER_CHECKS: readonly Check[] = [
  check('database', async (report, server) => {
    const schema = server.exists ? '' : ', no tables yet';
    return `${server.name}: PostgreSQL ${report.version}, ${ms(report.tookMs)} a query${schema}`;
  }),
  check('database-rights', async (report, server) => {
    if (report.grant === null) return 'may create tables';
    throw new WxError('not-logged-in', `may not create tables at ${server.name}`, { hint: report.grant });
  }),
  check('database-clock', async ({ offMs }) => {
    if (Math.abs(offMs) <= CLOCK_LIMIT_MS) return `within ${ms(Math.abs(offMs))} of this machine`;
    const seconds = Math.round(Math.abs(offMs) / 1_000);
    throw new WxError('config', `its clock and that of this machine are ${seconds} s apart`, {
      hint: 'set both clocks: timedatectl set-ntp true',
    });
  }),
  check('database-connections', async ({ connections, maxConnections }) => {
    const detail = `${connections} of ${maxConnections} connections in use`;
    if (connections + SPARE_CONNECTIONS <= maxConnections) return detail;
    throw new WxError('storage', detail, { hint: 'raise max_connections, or put pgbouncer before it' });
  }),
  check('database-safety', async ({ isDurable }) => {
    if (!isDurable) {
      throw new WxError('storage', 'fsync is off: a crash of the server loses messages', {
        hint: 'ALTER SYSTEM SET fsync TO on',
      });
    }
    return 'every commit is on its disk';
  }),
  check('database-standbys', async ({ standbys }) => {
    if (standbys === null) return 'unknown';
    const { count, grant, lagMs, synchronous } = standbys;
    if (lagMs > LAG_LIMIT_MS) {
      throw new WxError(
        'storage',
        `a standby is ${Math.round(lagMs / 1_000)} s behind: what it lacks is lost when it is promoted`,
        { hint: 'look at pg_stat_replication, and into the log of the standby' },
      );
    }
    if (count === 0) return 'no standbys';
    if (grant !== null) return `${count} standbys; how far they are behind shows after ${grant}`;
    return `${count} standbys, ${ms(lagMs)} behind, ${synchronous} synchronous`;
  }),
  check('database-encryption', async ({ tls, isSocket, isSealed }) => {
    const way = tls === null ? (isSocket ? 'a socket of this machine' : 'not encrypted') : tls;
    return `connection: ${way}; logins: ${isSealed ? 'AES-256-GCM' : 'plain text'}`;
  }),
];

function check(name: string, judge: (report: ServerReport, server: StoreServer) => Promise<string>): Check {
  return {
    name,
    async run(context: CommandContext) {
      const { server, clock } = context;
      if (!server) return '';
      const report = reports.get(server) ?? server.inspect(clock);
      reports.set(server, report);
      return judge(await report, server);
    },
  };
}

function ms(value: number): string {
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}
