import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readAddress, writeAddress } from '../src/address'
import { PERIODS } from '../src/period'

test('what is written into the address is read from it', () => {
  for (const { id } of PERIODS) {
    const search = writeAddress('?other=1', 'exämple.org/a&b', id)
    assert.deepEqual(readAddress(search), { site: 'exämple.org/a&b', period: id })
    assert.equal(new URLSearchParams(search).get('other'), '1')
  }
})

test('an address without a site, or with an unknown period, has null in its place', () => {
  assert.deepEqual(readAddress(''), { site: null, period: null })
  assert.deepEqual(readAddress('?period=fortnight'), { site: null, period: null })
})
