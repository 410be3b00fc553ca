/**
 * The tracker for bundlers: `import { init } from 'footfall-tracker'`. It may be imported, and called, on a server.
 */
import type { init as Init } from './api'
import { count } from './count'

export const init: typeof Init = (options = {}) =>
  typeof document === 'undefined'
    ? Object.assign(() => {}, { consent: () => {} })
    : count({ ...options, api: options.api || '/api/event' })
