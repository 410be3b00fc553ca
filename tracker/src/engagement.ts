/**
 * Engagement: time on a page and scroll depth. Input: focus, visibility and scroll events. Output: engaged milliseconds
 * since the last report, and the deepest scroll of the page in percent. A report is sent when the page is left, unless
 * there is nothing new.
 */
import { listen } from './listen'

/** The shortest engaged time that is reported, unless the scroll depth grew. */
const ENGAGED_MS_MIN = 3000

/** Returns a function to call with `true` when a page begins, and with `false` when the router leaves a page. */
export const engagement = (report: (e: number, sd: number) => void) => {
  /** Start of the current engaged period on the page's clock; 0 outside of one. */
  let since = 0
  let engaged = 0
  /** The lowest visible pixel so far, and the percentage reported last. */
  let reach = 0
  let reported = 0

  const update = (leaving: boolean) => {
    const now = performance.now()
    if (since) engaged += now - since
    since = leaving || !document.hasFocus() ? 0 : now
    reach = Math.max(reach, scrollY + innerHeight)
    if (leaving) {
      const sd = Math.min(100, (100 * reach) / document.documentElement.scrollHeight + 0.5) | 0
      if (engaged >= ENGAGED_MS_MIN || sd > reported) {
        report(engaged | 0, sd)
        reported = sd
        engaged = 0
      }
    }
  }
  listen('scroll focus visibilitychange', () => update(document.hidden))
  // On `blur` the page counts as left. `hasFocus` cannot decide that: it is also true if a frame inside has the focus.
  listen('blur pagehide', () => update(true))

  return (begins: boolean) => {
    update(!begins)
    // The scroll depth of the previous page does not count for the new one.
    if (begins) engaged = reach = reported = 0
  }
}
