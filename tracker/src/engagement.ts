/**
 * How long someone was with a page, and how far down. In: focus, visibility and scrolling. Out: milliseconds since it
 * last told, and the deepest scroll of the page in percent; told when the page is left, if there is something to tell.
 */
import { listen } from './listen'

/** Less time than this is not worth a request, unless the scroll grew. */
const ENGAGED_MS_MIN = 3000

/** Returns what to call when another page begins (`true`), or this one is left within its own router. */
export const engagement = (tell: (e: number, sd: number) => void) => {
  /** When the time that counts began, on the page's clock; 0 while none counts. */
  let since = 0
  let engaged = 0
  /** The lowest pixel seen, and the percentage last told. */
  let reach = 0
  let told = 0

  const pulse = (leaving: boolean) => {
    const now = performance.now()
    if (since) engaged += now - since
    since = leaving || !document.hasFocus() ? 0 : now
    reach = Math.max(reach, scrollY + innerHeight)
    if (leaving) {
      const sd = Math.min(100, (100 * reach) / document.documentElement.scrollHeight + 0.5) | 0
      if (engaged >= ENGAGED_MS_MIN || sd > told) {
        tell(engaged | 0, sd)
        told = sd
        engaged = 0
      }
    }
  }
  listen('scroll focus visibilitychange', () => pulse(document.hidden))
  // `hasFocus` is also true of a page whose frame has the focus: then the page itself has been left.
  listen('blur pagehide', () => pulse(true))

  return (begins: boolean) => {
    pulse(!begins)
    // Where the page before was scrolled to is not how far down anyone has been in this one.
    if (begins) engaged = reach = told = 0
  }
}
