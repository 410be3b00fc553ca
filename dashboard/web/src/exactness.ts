/** How exact a number is: `meta` lists the results whose numbers are not exact. Pure. */
import type { Meta, Metric, Row } from './api'

export type Exactness = 'exact' | 'at least' | 'partial' | 'withheld'

export function exactnessOf(meta: Meta, metric: Metric, row: Row, number: number | null | undefined): Exactness {
  if (number === null || number === undefined) return 'withheld'
  const isListed = (results: string[][] | undefined) =>
    results?.some((dimensions) => isSame(dimensions, row.dimensions))
  if (isListed(meta.at_least?.[metric])) return 'at least'
  return isListed(meta.partial?.[metric]) ? 'partial' : 'exact'
}

function isSame(a: string[], b: string[]): boolean {
  return a.length === b.length && a.every((value, n) => value === b[n])
}
