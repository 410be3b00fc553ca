/**
 * Web vitals. Input: performance entries of the browser. Output: one report, when the page is first hidden: LCP, INP,
 * FCP and TTFB in milliseconds, CLS as a plain number. A vital that the browser does not measure is left out.
 */
import { listen } from './listen'

type VitalsEntry = PerformanceEntry & {
  hadRecentInput: boolean
  interactionId?: number
  responseStart: number
  value: number
}

/** To be called only if the page is visible while it loads: in a hidden page the times are not those of a visitor. */
export const vitals = (report: (values: Record<string, number>) => void) => {
  const values: Record<string, number> = {}
  const observe = (type: string, take: (entry: VitalsEntry) => void) =>
    new PerformanceObserver((list) => (list.getEntries() as VitalsEntry[]).forEach(take)).observe({
      type,
      buffered: true,
      durationThreshold: 16,
    } as PerformanceObserverInit)

  /** The current window of layout shifts: at most 5 seconds long, without a gap of a second. */
  let shifts = 0
  let first = 0
  let last = 0

  observe('navigation', (entry) => (values.TTFB = entry.responseStart | 0))
  observe('largest-contentful-paint', (entry) => (values.LCP = entry.startTime | 0))
  // `first-paint` comes before `first-contentful-paint`, which overwrites it.
  observe('paint', (entry) => (values.FCP = entry.startTime | 0))
  // The longest interaction. (The definition of INP ignores one in fifty; here none is ignored.)
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
      report(values)
      report = () => {}
    }
  })
}
