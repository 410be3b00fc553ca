// The package in another project: packed, installed, type-checked, bundled, run.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { build } from 'rolldown'
import { footfallJs } from '../build.mjs'
import { html, visits } from './visit.mjs'

const CONSUMER = `
import { init, type EventOptions, type Footfall, type Options } from 'footfall-tracker'
const options: Options = { domain: 'example.org', hash: true, no: ['engagement', 'vitals'], consent: false }
const footfall: Footfall = init(options)
const order: EventOptions = { revenue: { currency: 'EUR', amount: '1.50' }, items: [{ id: 1, price: 1.5 }], order: 'A-1' }
footfall('Sign up', { props: { plan: 'free', seats: 3, yearly: true }, interactive: false })
footfall('purchase', order)
footfall('consent', true)
footfall.consent(true)
window.footfall?.('Global')
export function refused() {
  // @ts-expect-error: properties are flat
  footfall('Deep', { props: { deep: {} } })
  // @ts-expect-error: an amount has a currency
  footfall('purchase', { revenue: { amount: 1 } })
}
`

let project, bundle
const visit = visits({ '/': () => html(`<script type="module">${bundle}</script>`) })

before(async () => {
  project = await mkdtemp(join(tmpdir(), 'footfall-package-'))
  const installed = join(project, 'node_modules/footfall-tracker')
  await mkdir(installed, { recursive: true })
  const npm = (...args) =>
    execFileSync('npm', args, { cwd: fileURLToPath(new URL('..', import.meta.url)), stdio: 'pipe' })
  npm('pack', '--silent', '--offline', '--pack-destination', project)
  execFileSync('tar', ['-xzf', 'footfall-tracker-0.1.0.tgz', '-C', installed, '--strip-components=1'], { cwd: project })
  await writeFile(join(project, 'package.json'), '{ "type": "module" }')
  await writeFile(join(project, 'main.ts'), CONSUMER)
  const { output } = await build({ cwd: project, input: 'main.ts', write: false })
  bundle = output[0].code
})
after(() => rm(project, { recursive: true, force: true }))

test('its types compile in a strict project', () => {
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc')
  const strict = ['--strict', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess', '--skipLibCheck', 'false']
  const target = ['--target', 'es2022', '--module', 'nodenext', '--noEmit']
  try {
    execFileSync(process.execPath, [tsc, ...strict, ...target, 'main.ts'], { cwd: project, stdio: 'pipe' })
  } catch (error) {
    assert.fail(String(error.stdout))
  }
})

test('the bundled package counts, and sets the global function too', async () => {
  const { page, site } = visit
  await page.goto(`${site.origin}/?q=1#/a`)
  const { u, d, h } = (await site.next('pageview')).body
  assert.deepEqual([u, d, h], [`${site.origin}/#/a`, 'example.org', true])
  assert.deepEqual((await site.next('Sign up')).body.p, { plan: 'free', seats: 3, yearly: true })
  assert.equal((await site.next('consent')).body.u, `${site.origin}/?q=1#/a`)
  assert.equal((await site.next('purchase')).body.o, 'A-1')
  await site.next('Global')
})

test('on a server the package can be imported and called, and does nothing', () => {
  const program = `import { init } from 'footfall-tracker'; const f = init(); f('A'); f.consent(true); console.log(typeof f)`
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', program], { cwd: project })
  assert.equal(String(output), 'function\n')
})

test('the package contains the script, which is below 2 KB gzipped', async () => {
  const { gzipped } = await footfallJs()
  assert.ok(gzipped < 2048, `${gzipped}`)
  const path = createRequire(join(project, 'x.js')).resolve('footfall-tracker/footfall.js')
  assert.ok(path.startsWith(project))
})
