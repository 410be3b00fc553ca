/**
 * Where the token is kept. A link brings it in the fragment, which browsers do not send to servers; it is moved to this
 * tab's session storage at once and taken out of the address bar, so that it is neither bookmarked nor shared by mistake.
 */

const KEY = 'footfall-token'

interface Place {
  location: Pick<Location, 'hash' | 'pathname' | 'search'>
  history: Pick<History, 'replaceState' | 'state'>
  sessionStorage: Pick<Storage, 'getItem' | 'setItem'>
}

/** The token of the link, or the one this tab has. */
export function takeToken({ location, history, sessionStorage }: Place): string | null {
  const token = new URLSearchParams(location.hash.slice(1)).get('token')
  if (token === null) return sessionStorage.getItem(KEY)
  sessionStorage.setItem(KEY, token)
  history.replaceState(history.state, '', location.pathname + location.search)
  return token
}
