/**
 * The state of the page. In: the API, and what the reader picks. Out: the answers for totals, chart and panels. It does
 * not know how they are drawn.
 */
import { readAddress, writeAddress } from './address'
import { type Answer, type Api, type Breakdown, Failure, type Metric, type Question, type Site } from './api'
import { TOTALS } from './metric'
import { type Panel, servedPanels } from './panel'
import { chartStep, type Period } from './period'

/** How often today is asked for again. More often while the first page view is awaited. */
const REFRESH_MS = 30_000
const REFRESH_EMPTY_MS = 5_000

/** The answer of one question. While a new one is on its way (`busy`), the old one stays. */
export interface Pending {
  answer?: Answer | undefined
  failure?: Failure | undefined
  busy: boolean
}

const EMPTY: Pending = { busy: true }

export class Dashboard {
  sites = $state.raw<Site[]>([])
  site = $state.raw<Site>()
  period = $state<Period>('day')
  /** Why nothing can be shown at all. */
  failure = $state.raw<Failure>()
  /** Why the numbers that are shown could not be refreshed. */
  stale = $state.raw<Failure>()
  totals = $state.raw<Pending>(EMPTY)
  chart = $state.raw<Pending>(EMPTY)
  /** The panels that the API can fill, each with its answer. */
  panels = $state.raw<{ panel: Panel; pending: Pending }[]>([])

  private running = new AbortController()
  private timer: ReturnType<typeof setTimeout> | undefined

  constructor(private readonly api: Api) {}

  /** Whether the period has no page views, as far as it is published. */
  get empty(): boolean {
    return this.totals.answer !== undefined && pageviews(this.totals.answer) === 0
  }

  /** Asks what the token may see, and shows the site and period of the address bar. */
  async start(): Promise<void> {
    const signal = this.begin()
    await this.guard(signal, async () => {
      const [sites, views] = await Promise.all([this.api.sites(signal), this.api.views(signal)])
      if (sites.length === 0) throw new Failure('token', 'This token may see no site.')
      this.sites = sites
      this.panels = servedPanels(views).map((panel) => ({ panel, pending: EMPTY }))
      await this.show(signal)
    })
  }

  /** Shows the site and period of the address bar, after it has changed. */
  async follow(): Promise<void> {
    const signal = this.begin()
    await this.guard(signal, () => this.show(signal))
  }

  /** Shows another site or period, and writes it into the address bar. */
  async pick(site: Site, period: Period): Promise<void> {
    history.pushState(null, '', writeAddress(location.search, site.domain, period))
    await this.follow()
  }

  /** Aborts requests and refreshing. */
  stop(): void {
    this.running.abort()
    clearTimeout(this.timer)
  }

  private begin(): AbortSignal {
    this.stop()
    this.failure = undefined
    this.stale = undefined
    this.running = new AbortController()
    return this.running.signal
  }

  private async show(signal: AbortSignal): Promise<void> {
    const address = readAddress(location.search)
    const name = address.site?.toLowerCase()
    const site = name ? this.sites.find(({ domain }) => domain.toLowerCase() === name) : this.sites[0]
    if (!site) throw new Failure('query', `This token may see no site called ${address.site}.`)
    if (site !== this.site) this.update(() => EMPTY)
    this.site = site
    this.period = address.period ?? (await this.firstPeriod(site, signal))
    this.update((pending) => ({ ...pending, busy: true }))
    try {
      await this.load(signal)
    } catch (error) {
      const failure = nonTokenFailure(error)
      this.update(() => ({ failure, busy: false }))
    }
    this.schedule(signal)
  }

  /** The period if none was picked: today, or the last 28 days if today has no page views yet. */
  private async firstPeriod(site: Site, signal: AbortSignal): Promise<Period> {
    const periods = ['day', '28d'] as const
    const question = (period: Period) => ({
      site_id: site.domain,
      metrics: ['pageviews' as const],
      date_range: period,
    })
    const answers = await this.api.queries(periods.map(question), signal)
    const found = answers.findIndex((answer) => {
      if (answer instanceof Failure) throw answer
      return pageviews(answer) > 0
    })
    return periods[found] ?? 'day'
  }

  /** Asks for totals, chart and panels in one request. */
  private async load(signal: AbortSignal): Promise<void> {
    const questions = [
      this.question(TOTALS),
      this.question(TOTALS, chartStep(this.period)),
      ...this.panels.map(({ panel }) => this.question(panel.metrics, panel.dimension)),
    ]
    const answers = await this.api.queries(questions, signal)
    signal.throwIfAborted()
    this.update((_, n) => {
      const answer = answers[n]
      return answer instanceof Failure ? { failure: answer, busy: false } : { answer, busy: false }
    })
  }

  private question(metrics: Metric[], dimension?: Breakdown): Question {
    return {
      site_id: this.site?.domain ?? '',
      metrics,
      date_range: this.period,
      dimensions: dimension ? [dimension] : [],
      include: { time_labels: dimension?.startsWith('time:') ?? false },
    }
  }

  /** Changes what is shown, in the order of the questions: totals, chart, panels. */
  private update(change: (pending: Pending, n: number) => Pending): void {
    this.totals = change(this.totals, 0)
    this.chart = change(this.chart, 1)
    this.panels = this.panels.map(({ panel, pending }, n) => ({ panel, pending: change(pending, n + 2) }))
  }

  private schedule(signal: AbortSignal): void {
    if (signal.aborted || this.period !== 'day') return
    this.timer = setTimeout(
      () => this.guard(signal, () => this.refresh(signal)),
      this.empty ? REFRESH_EMPTY_MS : REFRESH_MS,
    )
  }

  private async refresh(signal: AbortSignal): Promise<void> {
    if (document.visibilityState === 'visible') {
      try {
        await this.load(signal)
        this.stale = undefined
      } catch (error) {
        this.stale = nonTokenFailure(error)
      }
    }
    this.schedule(signal)
  }

  /** Runs `work`. A failure that stops it is shown, unless the reader has picked something else meanwhile. */
  private async guard(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (signal.aborted) return
      if (!(error instanceof Failure)) throw error
      this.stop()
      this.failure = error
    }
  }
}

/** The failure, if the page can be shown with it. Without a valid token it cannot, and an error is thrown on. */
function nonTokenFailure(error: unknown): Failure {
  if (!(error instanceof Failure) || error.cause === 'token') throw error
  return error
}

/** The page views of an answer that was asked for `TOTALS`, or for page views alone. */
function pageviews({ results }: Answer): number {
  const metrics = results[0]?.metrics ?? []
  return metrics[metrics.length === 1 ? 0 : TOTALS.indexOf('pageviews')] ?? 0
}
