/** The site and the period in the address bar. Other parameters are left as they are. */
import { isPeriod, type Period } from './period'

export interface Address {
  site: string | null
  period: Period | null
}

export function readAddress(search: string): Address {
  const query = new URLSearchParams(search)
  const period = query.get('period')
  return { site: query.get('site'), period: isPeriod(period) ? period : null }
}

export function writeAddress(search: string, site: string, period: Period): string {
  const query = new URLSearchParams(search)
  query.set('site', site)
  query.set('period', period)
  return `?${query}`
}
