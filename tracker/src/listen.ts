/**
 * Listens to events of the window, which also receives the events of the document.
 */

/** Calls `listener` for each event named in `types`; with `capture`, before the page can stop the event. */
export const listen = (types: string, listener: (event: Event) => void, capture?: boolean) =>
  types.split(' ').forEach((type) => addEventListener(type, listener, capture))
