import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Answer, Meta, Metric } from '../src/api'
import { isTimeless, localHour, seriesOf } from '../src/series'

type Result = [time: string, ...metrics: (number | null)[]]

const answer = (results: Result[], meta: Meta): Answer => ({
  results: results.map(([time, ...metrics]) => ({ dimensions: [time], metrics })),
  meta,
  query: { date_range: ['', ''] },
})
const at = (hour: number) => `2024-02-27 ${String(hour).padStart(2, '0')}:00:00`
const HOURS = Array.from({ length: 24 }, (_, hour) => at(hour))
const METRICS: Metric[] = ['visitors', 'bounce_rate']

test('a day without a result is empty, a day in the future is unknown, a withheld number stays withheld', () => {
  const time_labels = ['2024-02-28', '2024-02-29', '2024-03-01', '2024-03-02']
  const got = seriesOf(answer([['2024-02-28', 7, null]], { time_labels }), METRICS, '2024-03-01')
  assert.deepEqual(got.times, time_labels)
  assert.deepEqual(got.numbers, [
    [7, 0, 0, null],
    [null, 0, 0, null],
  ])
  assert.deepEqual(got.heights, got.numbers)
})

test('merged hours are drawn at their mean, and their ratio at each of them', () => {
  const meta = { time_labels: HOURS, time_groups: [{ time: at(8), hours: [at(8), at(9), at(10)] }] }
  const got = seriesOf(
    answer(
      [
        [at(8), 12, 40],
        [at(11), 5, 20],
      ],
      meta,
    ),
    METRICS,
    at(12),
  )
  assert.deepEqual(got.firsts.slice(7, 13), [7, 8, 8, 8, 11, 12])
  assert.deepEqual(got.heights[0]?.slice(7, 14), [0, 4, 4, 4, 5, 0, null])
  assert.deepEqual(got.heights[1]?.slice(8, 12), [40, 40, 40, 20])
  assert.equal(got.numbers[0]?.[8], 12)
  assert.ok(!isTimeless(got))
})

test('an hour with a number of its own keeps it, also if late events are merged over it', () => {
  const meta = { time_labels: HOURS, time_groups: [{ time: at(8), hours: [at(8), at(9)] }] }
  const got = seriesOf(
    answer(
      [
        [at(8), 12, 40],
        [at(9), 5, 20],
      ],
      meta,
    ),
    METRICS,
    at(12),
  )
  assert.deepEqual(got.heights[0]?.slice(8, 10), [12, 5])
})

test('a day whose hours are all merged is timeless', () => {
  const meta = { time_labels: HOURS, time_groups: [{ time: at(0), hours: HOURS }] }
  assert.ok(isTimeless(seriesOf(answer([[at(0), 3, 0]], meta), METRICS, at(12))))
})

test("the present hour is that of the site's zone", () => {
  const now = new Date('2024-06-30T23:30:00Z')
  assert.equal(localHour(now, 'Europe/Paris'), '2024-07-01 01:00:00')
  assert.equal(localHour(now, 'America/New_York'), '2024-06-30 19:00:00')
  assert.equal(localHour(new Date('2024-06-30T00:10:00Z'), 'UTC'), '2024-06-30 00:00:00')
})
