/** The periods that a reader can pick. The ids are values of the API's `date_range`. */
import type { Breakdown } from './api'

export type Period = 'day' | '7d' | '28d' | '30d' | 'month' | '12mo'

export const PERIODS: { id: Period; short: string; long: string }[] = [
  { id: 'day', short: 'Today', long: 'Today' },
  { id: '7d', short: '7d', long: 'The 7 days up to yesterday' },
  { id: '28d', short: '28d', long: 'The 28 days up to yesterday' },
  { id: '30d', short: '30d', long: 'The 30 days up to yesterday' },
  { id: 'month', short: 'Month', long: 'This month so far' },
  { id: '12mo', short: '12mo', long: 'The 12 months before this one' },
]

export function isPeriod(text: string | null): text is Period {
  return PERIODS.some(({ id }) => id === text)
}

/** What one bar of the chart is: an hour if the period is a day, else a day. */
export function chartStep(period: Period): Breakdown {
  return period === 'day' ? 'time:hour' : 'time:day'
}

/** Whether visitors are a sum over days. Days are not linked, so a visitor of two days is counted twice. */
export function isSummed(period: Period): boolean {
  return period !== 'day'
}
