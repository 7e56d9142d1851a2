/** One value of a metric. */
export interface Sample {
  /** What follows the name of the metric: `_bucket`, `_sum`, `_count`. */
  suffix?: string;
  labels?: Readonly<Record<string, string>>;
  value: number;
}

export interface Metric {
  name: string;
  help: string;
  type: 'counter' | 'gauge' | 'histogram';
  samples: readonly Sample[];
}

/** The content type of {@link prometheusText}. */
export const PROMETHEUS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export function prometheusText(metrics: readonly Metric[]): string {
  return metrics.map(textOf).join('\n');
}

function textOf({ name, help, type, samples }: Metric): string {
  const lines = samples.map(({ suffix = '', labels = {}, value }) => {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
    return `${name}${suffix}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${value}\n`;
  });
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
}

/** A histogram of what was counted within each limit; `counts` has one more, for what exceeds all. Limits grow. */
export function histogram(limits: readonly number[], counts: readonly number[], sum: number): Sample[] {
  let total = 0;
  const buckets = limits.map((limit, index) => {
    total += counts[index] ?? 0;
    return { suffix: '_bucket', labels: { le: String(limit) }, value: total };
  });
  total += counts[limits.length] ?? 0;
  return [
    ...buckets,
    { suffix: '_bucket', labels: { le: '+Inf' }, value: total },
    { suffix: '_sum', value: sum },
    { suffix: '_count', value: total },
  ];
}
