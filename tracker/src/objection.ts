/**
 * Says whether this person objects to being counted. Asked before every send, so that an objection holds from the
 * moment it is made. Reads what the browser and the person have set, writes nothing.
 */

type Signals = Navigator & { doNotTrack?: string | null; globalPrivacyControl?: boolean }

/** True when the browser signals an objection, or this browser was opted out of Footfall. */
export const objects = (): unknown => {
  try {
    return (
      (navigator as Signals).globalPrivacyControl ||
      (navigator as Signals).doNotTrack === '1' ||
      /\bfootfall_optout=1\b/.test(document.cookie) ||
      localStorage.footfall_ignore
    )
  } catch {
    // Storage is closed to this page (sandboxed frame, cookies blocked): nothing can have been left in it.
  }
}
