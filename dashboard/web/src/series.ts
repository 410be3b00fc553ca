/**
 * From an answer over time to a chart: every hour or day of the range in order, its numbers, and the height of its
 * bar. The API omits empty times. A time in the future is unknown, not empty. Merged hours are drawn at their mean.
 * Pure: the present time comes in.
 */
import type { Answer, Metric } from './api'

export interface Series {
  /** `2024-06-30` or `2024-06-30 13:00:00`, in the site's zone. */
  times: string[]
  /** For each time, the index of the first time that it is merged with; its own index if it is not merged. */
  firsts: number[]
  /** For each metric and time. Null: withheld, or in the future. Of merged times, the first has the number. */
  numbers: (number | null)[][]
  /** For each metric and time, the height of the bar. */
  heights: (number | null)[][]
}

/** The label of the present hour in the site's time zone, as the API writes it. */
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

/** `now`: the label of the present hour or day. */
export function seriesOf({ results, meta }: Answer, metrics: Metric[], now: string): Series {
  const known = new Map(results.map((row) => [row.dimensions[0] ?? '', row.metrics]))
  const times = meta.time_labels ?? [...known.keys()].sort()
  const firsts = firstsOf(times, known, meta.time_groups ?? [])
  const shares = new Map<number, number>()
  for (const first of firsts) shares.set(first, (shares.get(first) ?? 0) + 1)

  const numbers = metrics.map((_, metric) =>
    times.map((time) => {
      const row = known.get(time)
      if (row) return row[metric] ?? null
      return time <= now ? 0 : null
    }),
  )
  const heights = metrics.map((metric, m) =>
    firsts.map((first) => {
      const number = numbers[m]?.[first] ?? null
      return number !== null && ADDED.has(metric) ? number / (shares.get(first) ?? 1) : number
    }),
  )
  return { times, firsts, numbers, heights }
}

/** Whether all times are merged: then nothing is published about when visitors came. */
export function isTimeless({ times, firsts }: Series): boolean {
  return times.length > 1 && firsts.every((first) => first === 0)
}

/** The metrics that add up over hours. */
const ADDED: ReadonlySet<Metric> = new Set(['visitors', 'visits', 'pageviews', 'events'])

function firstsOf(times: string[], known: Map<string, unknown>, groups: { time: string; hours: string[] }[]): number[] {
  const firsts = times.map((_, n) => n)
  for (const { time, hours } of groups) {
    const others = hours.filter((hour) => hour !== time)
    // Late events may be merged over hours that have numbers of their own. Those hours keep their numbers.
    if (others.some((hour) => known.has(hour))) continue
    const first = times.indexOf(time)
    for (const hour of others) {
      const at = times.indexOf(hour)
      if (first >= 0 && at >= 0) firsts[at] = first
    }
  }
  return firsts
}
