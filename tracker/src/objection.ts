/**
 * The visitor's objection to being counted. It is checked before every send, so that a new objection takes effect at
 * once. This module reads settings of the browser and of the visitor, and writes nothing.
 */

type Signals = Navigator & { doNotTrack?: string | null; globalPrivacyControl?: boolean }

/** True if the browser signals an objection, or if this browser has opted out of Footfall. */
export const objects = (): unknown => {
  try {
    return (
      (navigator as Signals).globalPrivacyControl ||
      (navigator as Signals).doNotTrack === '1' ||
      /\bfootfall_optout=1\b/.test(document.cookie) ||
      localStorage.footfall_ignore
    )
  } catch {
    // The page has no access to storage (sandboxed frame, cookies blocked), so the storage holds no objection.
  }
}
