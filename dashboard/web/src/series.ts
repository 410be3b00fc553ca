/**
 * From an answer over time to a chart's columns: every hour or day of the range in order, and what is known of each.
 * The API leaves out what is empty; what has not come yet is unknown, not empty. Pure: the time comes in.
 */
import type { Answer } from './api'

export interface Series {
  /** `2024-06-30` or `2024-06-30 13:00:00`, in the site's zone. */
  times: string[]
  /** For each metric asked for, one number per time; null: withheld, or still to come. */
  values: (number | null)[][]
}

/** The site's date and hour now, as the API writes them. */
export function localHour(now: Date, timeZone: string): string {
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    hourCycle: 'h23',
  }).formatToParts(now)
  const part = (type: string) => parts.find((p) => p.type === type)?.value ?? ''
  return `${part('year')}-${part('month')}-${part('day')} ${part('hour')}:00:00`
}

/** The dates from `first` to `last`, both included. */
export function datesBetween(first: string, last: string): string[] {
  const dates: string[] = []
  const date = new Date(`${first}T00:00:00Z`)
  for (; date.toISOString().slice(0, 10) <= last; date.setUTCDate(date.getUTCDate() + 1)) {
    dates.push(date.toISOString().slice(0, 10))
  }
  return dates
}

export function seriesOf(answer: Answer, metrics: number, hourly: boolean, now: string): Series {
  const [first, last] = answer.query.date_range.map((moment) => moment.slice(0, 10)) as [string, string]
  const known = new Map(answer.results.map((row) => [row.dimensions[0] ?? '', row.metrics]))

  const slots = hourly
    ? datesBetween(first, last).flatMap((date) => HOURS.map((hour) => `${date} ${hour}:00:00`))
    : datesBetween(first, last)
  // What the API names is shown, even an hour that the clock change made and this list does not know.
  const times = [...new Set([...slots, ...known.keys()])].sort()

  const values = Array.from({ length: metrics }, (_, metric) =>
    times.map((time) => {
      const row = known.get(time)
      if (row) return row[metric] ?? null
      return time <= now ? 0 : null
    }),
  )
  return { times, values }
}

const HOURS = Array.from({ length: 24 }, (_, hour) => String(hour).padStart(2, '0'))
