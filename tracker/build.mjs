// Builds dist/footfall.js from src/, and fails when a page would have to load more than the promised kilobyte.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { buildSync } from 'esbuild'

const GZIPPED_BYTES_MAX = 1023
const outfile = fileURLToPath(new URL('dist/footfall.js', import.meta.url))

buildSync({
  absWorkingDir: fileURLToPath(new URL('.', import.meta.url)),
  entryPoints: ['src/footfall.ts'],
  outfile,
  bundle: true,
  minify: true,
  format: 'iife',
  target: 'es2018',
})

const gzipped = gzipSync(readFileSync(outfile), { level: 9 }).length
console.log(`tracker/dist/footfall.js: ${readFileSync(outfile).length} bytes, ${gzipped} gzipped`)
if (gzipped > GZIPPED_BYTES_MAX) {
  console.error(`footfall.js is ${gzipped} bytes gzipped, ${GZIPPED_BYTES_MAX} are allowed`)
  process.exit(1)
}
