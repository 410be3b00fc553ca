import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Meta } from '../src/api'
import { tellingOf } from '../src/telling'

const META: Meta = { at_least: { visitors: [['(other)']], events: [[]] }, partial: { bounce_rate: [['/']] } }
const row = (...dimensions: string[]) => ({ dimensions, metrics: [] })

test('a number is as exact as meta says for its metric and its result', () => {
  assert.equal(tellingOf(META, 'visitors', row('(other)'), 7), 'at least')
  assert.equal(tellingOf(META, 'visitors', row('/'), 7), 'exact')
  assert.equal(tellingOf(META, 'visits', row('(other)'), 7), 'exact')
  assert.equal(tellingOf(META, 'bounce_rate', row('/'), 0), 'partial')
  assert.equal(tellingOf(META, 'events', row(), 0), 'at least')
})

test('no number is a withheld one', () => {
  assert.equal(tellingOf(META, 'visitors', row('(other)'), null), 'withheld')
  assert.equal(tellingOf({}, 'visits', row('/'), undefined), 'withheld')
})
