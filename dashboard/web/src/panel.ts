/** The panels, in the order of a marketer's questions: from where, to which pages, who, and what they did. */
import type { Dimension, Metric, Row } from './api'

export interface Panel {
  title: string
  /** What one row is. */
  row: string
  dimension: Dimension
  metrics: [Metric, Metric]
  /** What to do when there is nothing to show. */
  empty: string
  /** Three beside each other where there is room, else two. */
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

/** What the API calls the values it may not name. */
const REST = '(other)'

export function isRest({ dimensions: [name] }: Row): boolean {
  return name === REST
}

const countries = new Intl.DisplayNames('en', { type: 'region', fallback: 'code' })

/** A row's value as people read it. */
export function rowName({ dimension }: Panel, { dimensions: [name = ''] }: Row): string {
  if (dimension === 'visit:country' && /^[A-Z]{2}$/.test(name)) return countries.of(name) ?? name
  return name || '(none)'
}
