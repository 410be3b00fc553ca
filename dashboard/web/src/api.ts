/**
 * The page's client of the stats API. In: a token and questions. Out: answers, or a `Failure` with its cause. It does
 * not know panels and periods. The types of the API are generated (`api/schema.d.ts`).
 */
import type * as schema from './api/schema'

export type { Breakdown, Metric, Question, Site, View } from './api/schema'
export type Row = schema.AnswerRow

/** What the numbers of an answer do not say by themselves, as far as the page shows it. */
export type Meta = Omit<schema.Meta, 'crowd'>

/** An answer, as far as the page reads it. */
export interface Answer extends Pick<schema.Answer, 'results'> {
  meta: Meta
  query: Pick<schema.UnderstoodQuestion, 'date_range'>
}

/** Who can remove the cause: the owner of the token, this page, the operator of the server, or the network. */
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

  sites(signal?: AbortSignal): Promise<schema.Site[]> {
    return this.fetch('api/sites', { signal })
  }

  views(signal?: AbortSignal): Promise<schema.View[]> {
    return this.fetch('api/views', { signal })
  }

  /** The answers of several questions, in order. A question that was refused has a `Failure` in place of its answer. */
  async queries(queries: schema.Question[], signal?: AbortSignal): Promise<(Answer | Failure)[]> {
    const headers = { 'content-type': 'application/json' }
    const body = JSON.stringify({ queries } satisfies schema.Questions)
    const { answers } = await this.fetch<schema.Answers>('api/v2/queries', { method: 'POST', headers, body, signal })
    return answers.map((answer) => ('error' in answer ? new Failure('query', answer.error) : answer))
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

/** The failure that a response which is not 2xx means. */
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
