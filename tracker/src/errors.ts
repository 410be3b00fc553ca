/**
 * Which kinds of error a page's scripts run into. In: errors nobody caught. Out: the name of the class of each, once a
 * page; never the message or the stack, which may say anything.
 */
import { listen } from './listen'

/** Kinds told of one page. */
const KINDS_MAX = 5

/** Returns what to call when another page begins. */
export const errors = (tell: (name: string) => void) => {
  let kinds: string[] = []

  listen('error unhandledrejection', (event) => {
    const name: string | undefined = ((event as ErrorEvent).error || (event as PromiseRejectionEvent).reason)
      ?.constructor?.name
    if (name && /^[a-z]{1,40}$/i.test(name) && kinds.length < KINDS_MAX && !kinds.includes(name)) {
      kinds.push(name)
      tell(name)
    }
  })
  return () => (kinds = [])
}
