/**
 * Listens to the window, which hears the document's events too.
 */

/** Calls `heard` for each of the events named in `types`; `down` hears them before the page can stop them. */
export const listen = (types: string, heard: (event: Event) => void, down?: boolean) =>
  types.split(' ').forEach((type) => addEventListener(type, heard, down))
