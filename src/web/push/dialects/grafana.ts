import { WxError } from '../../../core/errors.ts';
import { objectsIn, textIn } from '../port/content.ts';
import { type Dialect, PLAIN } from '../port/dialect.ts';
import { lineOf, MOST_ALERTS } from './alertmanager.ts';
import { accepted, refused, takes } from './native.ts';

/** The webhook of Grafana: it has a title and a text that are ready. */
export const grafana: Dialect = {
  name: 'grafana',
  async read(request) {
    takes(request.method, 'POST', 'PUT');
    const { fields } = await request.content();
    const alerts = objectsIn(fields, 'alerts');
    const title = textIn(fields, 'title', 'ruleName');
    const text = textIn(fields, 'message') ?? alerts.slice(0, MOST_ALERTS).map(lineOf).join('\n');
    if (title === null && text === '') throw new WxError('usage', 'title and message are missing');
    const [first = {}] = alerts;
    return {
      push: {
        ...PLAIN,
        title,
        text,
        link:
          textIn(first, 'panelURL', 'dashboardURL', 'generatorURL') ??
          textIn(fields, 'ruleUrl', 'externalURL'),
      },
    };
  },
  accepted,
  refused,
};
