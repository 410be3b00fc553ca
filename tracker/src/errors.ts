/**
 * Errors of a page's scripts. Input: uncaught errors. Output: the class name of each, once per page. The message and
 * the stack are never reported, because they can contain anything.
 */
import { listen } from './listen'

/** Largest number of class names reported per page. */
const KINDS_MAX = 5

/** Returns a function to call when another page begins. */
export const errors = (report: (name: string) => void) => {
  let kinds: string[] = []

  listen('error unhandledrejection', (event) => {
    const name: string | undefined = ((event as ErrorEvent).error || (event as PromiseRejectionEvent).reason)
      ?.constructor?.name
    if (name && /^[a-z]{1,40}$/i.test(name) && kinds.length < KINDS_MAX && !kinds.includes(name)) {
      kinds.push(name)
      report(name)
    }
  })
  return () => (kinds = [])
}
