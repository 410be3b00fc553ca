import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Meta } from '../src/api'
import { exactnessOf } from '../src/exactness'

const META: Meta = { at_least: { visitors: [['(other)']], events: [[]] }, partial: { bounce_rate: [['/']] } }
const row = (...dimensions: string[]) => ({ dimensions, metrics: [] })

test('a number is as exact as meta lists it for its metric and its result', () => {
  assert.equal(exactnessOf(META, 'visitors', row('(other)'), 7), 'at least')
  assert.equal(exactnessOf(META, 'visitors', row('/'), 7), 'exact')
  assert.equal(exactnessOf(META, 'visits', row('(other)'), 7), 'exact')
  assert.equal(exactnessOf(META, 'bounce_rate', row('/'), 0), 'partial')
  assert.equal(exactnessOf(META, 'events', row(), 0), 'at least')
})

test('a number that is null is withheld', () => {
  assert.equal(exactnessOf(META, 'visitors', row('(other)'), null), 'withheld')
  assert.equal(exactnessOf({}, 'visits', row('/'), undefined), 'withheld')
})
