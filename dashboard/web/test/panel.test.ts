import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isOther, PANELS, rowName, servedPanels } from '../src/panel'
import { labelled } from '../src/plot'

const row = (name: string) => ({ dimensions: [name], metrics: [1, 1] })
const panel = (dimension: string) => PANELS.find((p) => p.dimension === dimension) ?? assert.fail(dimension)

test('a country code is written as its name, an unknown one as it is', () => {
  assert.equal(rowName(panel('visit:country'), row('FR')), 'France')
  assert.equal(rowName(panel('visit:country'), row('unknown')), 'unknown')
  assert.equal(rowName(panel('visit:source'), row('FR')), 'FR')
  assert.equal(rowName(panel('visit:source'), row('')), '(none)')
})

test('only the label (other) is (other)', () => {
  assert.ok(isOther(row('(other)')))
  assert.ok(!isOther(row('other')))
})

test('no panel asks for what its dimension cannot answer', () => {
  const ofVisits = new Set(['bounce_rate', 'visit_duration', 'views_per_visit'])
  for (const { dimension, metrics } of PANELS) {
    if (dimension.startsWith('event:')) assert.ok(!metrics.some((metric) => ofVisits.has(metric)), dimension)
  }
})

test('a panel has the metrics that are served by its dimension, and none without any', () => {
  const panels = servedPanels([
    { dimension: 'event:page', metrics: ['visits', 'visitors'] },
    { dimension: 'visit:os', metrics: ['events'] },
  ])
  assert.deepEqual(
    panels.map(({ title, metrics }) => [title, metrics]),
    [['Top pages', ['visitors']]],
  )
})

test('there are at most as many labels as fit, and the first is always there', () => {
  for (let times = 1; times < 400; times++) {
    for (const max of [0, 1, 4, 12]) {
      const at = labelled(times, max)
      assert.equal(at[0], 0)
      assert.ok(at.length <= Math.max(1, max) && at.every((n) => n < times))
    }
  }
})
