import assert from 'node:assert/strict'
import { test } from 'node:test'
import { englishOf, formatter } from '../src/format'

const format = formatter('en-GB')

test('counts are written out up to a million, then shortened', () => {
  assert.equal(format.count(1234567), '1,234,567')
  assert.equal(format.short(999999), '999,999')
  assert.match(format.short(1234567), /^1\.2m$/i)
})

test('durations show the two units that matter', () => {
  const written = [0, 0.6, 42, 59.6, 60, 65, 3599.4, 3600, 3725, 90000].map(format.duration)
  assert.deepEqual(written, ['0s', '1s', '42s', '1m 00s', '1m 00s', '1m 05s', '59m 59s', '1h 00m', '1h 02m', '25h 00m'])
})

test('rates are whole percents, ratios have one decimal', () => {
  assert.equal(format.percent(37.6), '38%')
  assert.equal(format.decimal(2), '2.0')
})

test('a date stays itself in every zone of the reader', () => {
  for (const zone of ['Pacific/Kiritimati', 'Pacific/Pago_Pago', 'Europe/Paris']) {
    process.env.TZ = zone
    assert.match(formatter('en-GB').day('2024-03-31'), /^Sun,? 31 Mar$/)
    assert.match(formatter('en-GB').day('2024-03-31 23:00:00'), /^Sun,? 31 Mar$/)
  }
})

test('a range names its year once, and a single day is no range', () => {
  // ICU puts thin spaces around the dash.
  assert.equal(format.days('2024-10-27', '2024-11-23').replaceAll(/\s/g, ' '), '27 Oct – 23 Nov 2024')
  assert.equal(format.days('2024-11-24T00:00:00+01:00', '2024-11-24T23:59:59+01:00'), '24 Nov 2024')
})

test('merged hours are written to the end of the last', () => {
  assert.equal(format.hours('2024-11-24 08:00:00', '2024-11-24 08:00:00'), '08:00')
  assert.equal(format.hours('2024-11-24 08:00:00', '2024-11-24 23:00:00'), '08:00–24:00')
})

test('numbers follow the first English that the browser asks for', () => {
  assert.equal(englishOf(['fr-FR', 'en-IN', 'en-US']), 'en-IN')
  assert.equal(englishOf(['de', 'enm']), 'en-GB')
})
