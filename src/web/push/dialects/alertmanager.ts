import { WxError } from '../../../core/errors.ts';
import { objectIn, objectsIn, textIn } from '../port/content.ts';
import { type Dialect, PLAIN } from '../port/dialect.ts';
import { accepted, refused, takes } from './native.ts';

/** Alerts of a group that are told one by one. */
export const MOST_ALERTS = 20;

/** The webhook of Prometheus Alertmanager, version 4: one text for a group of alerts. */
export const alertmanager: Dialect = {
  name: 'alertmanager',
  async read(request) {
    takes(request.method, 'POST', 'PUT');
    const { fields } = await request.content();
    const alerts = objectsIn(fields, 'alerts');
    const labels = objectIn(fields, 'commonLabels');
    if (alerts.length === 0) throw new WxError('usage', 'alerts is missing');
    const firing = alerts.filter((alert) => alert.status !== 'resolved');
    const name = textIn(labels, 'alertname') ?? textIn(objectIn(fields, 'groupLabels'), 'alertname');
    const state = firing.length > 0 ? `🔴 FIRING ${firing.length}` : `🟢 RESOLVED ${alerts.length}`;
    const left = alerts.length - MOST_ALERTS + Math.max(0, Number(fields.truncatedAlerts) || 0);
    return {
      push: {
        ...PLAIN,
        title: [state, name].filter(Boolean).join(' '),
        text: [...alerts.slice(0, MOST_ALERTS).map(lineOf), ...(left > 0 ? [`… ${left} more`] : [])].join(
          '\n',
        ),
        link: textIn(fields, 'externalURL'),
        isImportant: firing.some((alert) => textIn(objectIn(alert, 'labels'), 'severity') === 'critical'),
      },
    };
  },
  accepted,
  refused,
};

/** An alert on a line: how bad, where, and what it says. */
export function lineOf(alert: Record<string, unknown>): string {
  const labels = objectIn(alert, 'labels');
  const notes = objectIn(alert, 'annotations');
  const about = textIn(notes, 'summary', 'message') ?? textIn(labels, 'alertname') ?? '';
  const more = textIn(notes, 'description');
  const where = textIn(labels, 'instance', 'job', 'namespace');
  const head = [textIn(labels, 'severity'), where].filter((one) => one !== null).join(' ');
  const state = alert.status === 'resolved' ? '🟢' : '🔴';
  const texts = [about, ...(more === null || more === about ? [] : [more])].filter((one) => one !== '');
  return [`${state} ${[head, texts[0]].filter(Boolean).join(': ')}`, ...texts.slice(1)].join('\n');
}
