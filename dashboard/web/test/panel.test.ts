import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isRest, PANELS, rowName } from '../src/panel'
import { labelled } from '../src/plot'

const row = (name: string) => ({ dimensions: [name], metrics: [1, 1] })
const panel = (dimension: string) => PANELS.find((p) => p.dimension === dimension) ?? assert.fail(dimension)

test('a country code is written as its name, an unknown one as it is', () => {
  assert.equal(rowName(panel('visit:country'), row('FR')), 'France')
  assert.equal(rowName(panel('visit:country'), row('unknown')), 'unknown')
  assert.equal(rowName(panel('visit:source'), row('FR')), 'FR')
  assert.equal(rowName(panel('visit:source'), row('')), '(none)')
})

test('only the hidden rest is the rest', () => {
  assert.ok(isRest(row('(other)')))
  assert.ok(!isRest(row('other')))
})

test('no panel asks for what its dimension cannot answer', () => {
  const ofVisits = new Set(['bounce_rate', 'visit_duration', 'views_per_visit'])
  for (const { dimension, metrics } of PANELS) {
    if (dimension.startsWith('event:')) assert.ok(!metrics.some((metric) => ofVisits.has(metric)), dimension)
  }
})

test('there are never more labels than room, and the first is always there', () => {
  for (let times = 1; times < 400; times++) {
    for (const room of [0, 1, 4, 12]) {
      const at = labelled(times, room)
      assert.equal(at[0], 0)
      assert.ok(at.length <= Math.max(1, room) && at.every((n) => n < times))
    }
  }
})
