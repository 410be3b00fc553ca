/**
 * Where the token is stored. A link has it in its fragment, which browsers do not send to servers. The page moves it to
 * the session storage of the tab at once and removes it from the address bar, so that it is not bookmarked or shared by
 * mistake.
 */

const KEY = 'footfall-token'

interface Tab {
  location: Pick<Location, 'hash' | 'pathname' | 'search'>
  history: Pick<History, 'replaceState' | 'state'>
  sessionStorage: Pick<Storage, 'getItem' | 'setItem'>
}

/** The token of the link; without one, the token that the tab has stored. */
export function takeToken({ location, history, sessionStorage }: Tab): string | null {
  const token = new URLSearchParams(location.hash.slice(1)).get('token')
  if (token === null) return sessionStorage.getItem(KEY)
  sessionStorage.setItem(KEY, token)
  history.replaceState(history.state, '', location.pathname + location.search)
  return token
}
