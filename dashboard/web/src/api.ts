/**
 * The stats API, from the page's side. In: a token and a query. Out: the answer, or a `Failure` that says who can do
 * something about it. Knows nothing of panels and periods.
 */

export type Metric =
  'visitors' | 'visits' | 'pageviews' | 'events' | 'views_per_visit' | 'bounce_rate' | 'visit_duration'

export type Dimension =
  | 'event:page'
  | 'event:name'
  | 'visit:entry_page'
  | 'visit:source'
  | 'visit:channel'
  | 'visit:country'
  | 'visit:device'
  | 'visit:browser'
  | 'visit:os'
  | 'time:hour'
  | 'time:day'

export interface Site {
  id: number
  domain: string
  time_zone: string
  /** k: what fewer visitors than this share is not shown by itself. */
  crowd: number
}

export interface Query {
  site_id: string
  metrics: Metric[]
  date_range: string
  dimensions?: Dimension[]
  include?: { time_labels: boolean }
}

export interface Row {
  dimensions: string[]
  /** In the order asked for; null: withheld. */
  metrics: (number | null)[]
}

/** By metric, the `dimensions` of the results that are meant. */
type Results = Partial<Record<Metric, string[][]>>

/** What the numbers do not say by themselves. */
export interface Meta {
  /** Numbers that are lower bounds. */
  at_least?: Results
  /** Ratios over those visits of which it may be told. */
  partial?: Results
  /** Hours that are told together: the result has the label of the first. */
  time_groups?: { time: string; hours: string[] }[]
  /** Every hour or day of the range, in order. */
  time_labels?: string[]
  /** When what is told of open days was computed; totals are newer. */
  as_of?: string
  /** Days this token sees in totals only, until they are settled. */
  open_days_left_out?: string[]
}

export interface Answer {
  results: Row[]
  meta: Meta
  /** The query as it was understood: `date_range` holds its first and last moment in the site's zone. */
  query: { date_range: [string, string] }
}

/** Who can do something about it: the owner of the token, this page, whoever runs the server, or the network. */
export type Cause = 'token' | 'query' | 'server' | 'network'

export class Failure extends Error {
  constructor(
    readonly cause: Cause,
    message: string,
  ) {
    super(message)
  }
}

export class Api {
  constructor(
    private readonly base: URL,
    private readonly token: string,
  ) {}

  sites(signal?: AbortSignal): Promise<Site[]> {
    return this.fetch('api/sites', { signal })
  }

  query(query: Query, signal?: AbortSignal): Promise<Answer> {
    const headers = { 'content-type': 'application/json' }
    return this.fetch('api/v2/query', { method: 'POST', headers, body: JSON.stringify(query), signal })
  }

  private async fetch<T>(path: string, init: RequestInit & { signal?: AbortSignal | undefined }): Promise<T> {
    const headers = { ...init.headers, authorization: `Bearer ${this.token}` }
    let response: Response
    try {
      response = await fetch(new URL(path, this.base), { ...init, headers, credentials: 'omit', cache: 'no-store' })
      if (response.ok) return await response.json()
    } catch (error) {
      if (init.signal?.aborted) throw error
      throw new Failure('network', 'The request got no answer.')
    }
    throw failure(response.status, await response.text().catch(() => ''))
  }
}

/** What an answer that is not 2xx means. */
export function failure(status: number, body: string): Failure {
  const sentence = sentenceOf(body)
  if (status === 401) return new Failure('token', sentence || 'This token is not known.')
  if (status >= 400 && status < 500) return new Failure('query', sentence || `The query was refused (${status}).`)
  return new Failure('server', sentence || `Footfall could not answer (${status}).`)
}

function sentenceOf(body: string): string {
  try {
    const { error } = JSON.parse(body)
    return typeof error === 'string' ? error : ''
  } catch {
    return ''
  }
}
