/** The title, the meaning and the format of each metric. */
import type { Metric } from './api'
import type { Formatter } from './format'

interface Described {
  title: string
  meaning: string
  write: (format: Formatter, n: number) => string
}

export const METRICS: Record<Metric, Described> = {
  visitors: {
    title: 'Visitors',
    meaning: 'Browsers that came, each counted once a day',
    write: (format, n) => format.short(n),
  },
  visits: {
    title: 'Visits',
    meaning: 'Page views and events of one visitor with gaps of at most 30 minutes',
    write: (format, n) => format.short(n),
  },
  pageviews: { title: 'Page views', meaning: 'Pages that were seen', write: (format, n) => format.short(n) },
  events: { title: 'Events', meaning: 'How often it happened', write: (format, n) => format.short(n) },
  views_per_visit: {
    title: 'Views per visit',
    meaning: 'Page views divided by visits',
    write: (format, n) => format.decimal(n),
  },
  bounce_rate: {
    title: 'Bounce rate',
    meaning: 'Share of visits with one page view and no interaction',
    write: (format, n) => format.percent(n),
  },
  visit_duration: {
    title: 'Visit duration',
    meaning: 'Mean time from the first to the last thing seen of a visit',
    write: (format, n) => format.duration(n),
  },
}

/** The metrics of the totals, in the order of the page and of the question. */
export const TOTALS: Metric[] = ['visitors', 'visits', 'pageviews', 'views_per_visit', 'bounce_rate', 'visit_duration']
