/**
 * Says whether this person objects to being counted. Asked before every send, so that an objection holds from the
 * moment it is made. Reads what the browser and the person have set, writes nothing.
 */

/** True when the browser signals an objection, or this browser was opted out of Footfall. */
export function objects(): boolean {
  const { doNotTrack, globalPrivacyControl } = navigator as Navigator & {
    doNotTrack?: string | null
    globalPrivacyControl?: boolean
  }
  if (globalPrivacyControl || doNotTrack === '1') return true
  try {
    return /(^|; )footfall_optout=1(;|$)/.test(document.cookie) || !!localStorage.footfall_ignore
  } catch {
    // Storage is closed to this page (sandboxed frame, cookies blocked): nothing can have been left in it.
    return false
  }
}
