import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Answer } from '../src/api'
import { datesBetween, localHour, seriesOf } from '../src/series'

const answer = (range: [string, string], results: [string, ...(number | null)[]][]): Answer => ({
  results: results.map(([time, ...metrics]) => ({ dimensions: [time], metrics })),
  meta: {},
  query: { date_range: range },
})
const DAYS: [string, string] = ['2024-02-27T00:00:00+01:00', '2024-03-02T23:59:59+01:00']
const DAY: [string, string] = ['2024-02-27T00:00:00+01:00', '2024-02-27T23:59:59+01:00']

test('a day that the API leaves out is empty, one to come is unknown, a withheld number stays withheld', () => {
  const got = seriesOf(answer(DAYS, [['2024-02-28', 7, null]]), 2, false, '2024-03-01')
  assert.deepEqual(got.times, ['2024-02-27', '2024-02-28', '2024-02-29', '2024-03-01', '2024-03-02'])
  assert.deepEqual(got.values, [
    [0, 7, 0, 0, null],
    [0, null, 0, 0, null],
  ])
})

test('a day has 24 hours, and those after now are unknown', () => {
  const got = seriesOf(answer(DAY, [['2024-02-27 09:00:00', 3]]), 1, true, '2024-02-27 10:00:00')
  assert.equal(got.times.length, 24)
  assert.deepEqual(got.values[0]?.slice(8, 12), [0, 3, 0, null])
})

test('dates run through the end of a leap February, and a range of one day is that day', () => {
  assert.deepEqual(datesBetween('2024-02-28', '2024-03-01'), ['2024-02-28', '2024-02-29', '2024-03-01'])
  assert.deepEqual(datesBetween('2024-12-31', '2024-12-31'), ['2024-12-31'])
  assert.equal(datesBetween('2024-01-01', '2024-12-31').length, 366)
})

test("now is told in the site's zone", () => {
  const now = new Date('2024-06-30T23:30:00Z')
  assert.equal(localHour(now, 'Europe/Paris'), '2024-07-01 01:00:00')
  assert.equal(localHour(now, 'America/New_York'), '2024-06-30 19:00:00')
  assert.equal(localHour(new Date('2024-06-30T00:10:00Z'), 'UTC'), '2024-06-30 00:00:00')
})
