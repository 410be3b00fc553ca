/**
 * How the page felt. In: what the browser measured of it. Out: once, when the page is first hidden, the web vitals the
 * browser knows: LCP, INP, FCP and TTFB in milliseconds, CLS as a plain number. One it does not know is left out.
 */
import { listen } from './listen'

type Entry = PerformanceEntry & {
  hadRecentInput: boolean
  interactionId?: number
  responseStart: number
  value: number
}

/** For a page that is in sight while it loads: any other would say how long nobody looked. */
export const vitals = (tell: (values: Record<string, number>) => void) => {
  const values: Record<string, number> = {}
  const observe = (type: string, take: (entry: Entry) => void) =>
    new PerformanceObserver((list) => (list.getEntries() as Entry[]).forEach(take)).observe({
      type,
      buffered: true,
      durationThreshold: 16,
    } as PerformanceObserverInit)

  /** The window of layout shifts under way: 5 seconds at most, without a second's gap. */
  let shifts = 0
  let first = 0
  let last = 0

  observe('navigation', (entry) => (values.TTFB = entry.responseStart | 0))
  observe('largest-contentful-paint', (entry) => (values.LCP = entry.startTime | 0))
  // The first paint of anything comes before the first of content.
  observe('paint', (entry) => (values.FCP = entry.startTime | 0))
  // The longest, where the definition forgives one in fifty.
  observe('event', (entry) => {
    if (entry.interactionId) values.INP = Math.max(values.INP || 0, entry.duration)
  })
  if ('LayoutShift' in window) values.CLS = 0
  observe('layout-shift', (entry) => {
    if (!entry.hadRecentInput) {
      if (entry.startTime - last > 1000 || entry.startTime - first > 5000) {
        shifts = 0
        first = entry.startTime
      }
      last = entry.startTime
      shifts += entry.value
      values.CLS = Math.max(values.CLS!, shifts)
    }
  })
  listen('visibilitychange', () => {
    if (document.hidden) {
      tell(values)
      tell = () => {}
    }
  })
}
