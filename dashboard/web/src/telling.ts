/** How much of a number is told: `meta` names the results whose numbers are not the whole truth. Pure. */
import type { Meta, Metric, Row } from './api'

export type Telling = 'exact' | 'at least' | 'partial' | 'withheld'

export function tellingOf(meta: Meta, metric: Metric, row: Row, number: number | null | undefined): Telling {
  if (number === null || number === undefined) return 'withheld'
  const named = (results: string[][] | undefined) => results?.some((dimensions) => isSame(dimensions, row.dimensions))
  if (named(meta.at_least?.[metric])) return 'at least'
  return named(meta.partial?.[metric]) ? 'partial' : 'exact'
}

function isSame(a: string[], b: string[]): boolean {
  return a.length === b.length && a.every((value, n) => value === b[n])
}
