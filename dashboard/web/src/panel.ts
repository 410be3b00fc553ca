/** The panels, in the order of a marketer's questions: from where, to which pages, with what, and what visitors did. */
import type { Breakdown, Metric, Row, View } from './api'

export interface Panel {
  title: string
  /** What one row is. */
  row: string
  dimension: Breakdown
  metrics: Metric[]
  /** The text if there are no rows. */
  empty: string
  /** Three panels side by side on a wide screen, instead of two. */
  third?: boolean
}

export const PANELS: Panel[] = [
  {
    title: 'Sources',
    row: 'Source',
    dimension: 'visit:source',
    metrics: ['visitors', 'visits'],
    empty: 'Nobody came from another site yet.',
  },
  {
    title: 'Channels',
    row: 'Channel',
    dimension: 'visit:channel',
    metrics: ['visitors', 'bounce_rate'],
    empty: 'No visits yet.',
  },
  {
    title: 'Top pages',
    row: 'Page',
    dimension: 'event:page',
    metrics: ['visitors', 'pageviews'],
    empty: 'No page views yet.',
  },
  {
    title: 'Entry pages',
    row: 'Page',
    dimension: 'visit:entry_page',
    metrics: ['visitors', 'bounce_rate'],
    empty: 'No visits yet.',
  },
  {
    title: 'Devices',
    row: 'Device',
    dimension: 'visit:device',
    metrics: ['visitors', 'visits'],
    empty: 'No visits yet.',
    third: true,
  },
  {
    title: 'Browsers',
    row: 'Browser',
    dimension: 'visit:browser',
    metrics: ['visitors', 'visits'],
    empty: 'No visits yet.',
    third: true,
  },
  {
    title: 'Operating systems',
    row: 'System',
    dimension: 'visit:os',
    metrics: ['visitors', 'visits'],
    empty: 'No visits yet.',
    third: true,
  },
  {
    title: 'Countries',
    row: 'Country',
    dimension: 'visit:country',
    metrics: ['visitors', 'visits'],
    empty: 'No visits yet.',
  },
  {
    title: 'Events',
    row: 'Event',
    dimension: 'event:name',
    metrics: ['visitors', 'events'],
    empty: "Call footfall('Name') on a page to count what people do there.",
  },
]

/** The panels that the API serves, each with the metrics that its dimension serves. */
export function servedPanels(views: View[]): Panel[] {
  return PANELS.flatMap((panel) => {
    const served = views.find(({ dimension }) => dimension === panel.dimension)?.metrics ?? []
    const metrics = panel.metrics.filter((metric) => served.includes(metric))
    return metrics.length > 0 ? [{ ...panel, metrics }] : []
  })
}

/** The label of all values that are not published under their name. */
const OTHER = '(other)'

export function isOther({ dimensions: [name] }: Row): boolean {
  return name === OTHER
}

const countries = new Intl.DisplayNames('en', { type: 'region', fallback: 'code' })

/** The text for a row's value. */
export function rowName({ dimension }: Panel, { dimensions: [name = ''] }: Row): string {
  if (dimension === 'visit:country' && /^[A-Z]{2}$/.test(name)) return countries.of(name) ?? name
  return name || '(none)'
}
