// Builds dist/footfall.js from src/, and fails when a page would have to load more than the promised kilobyte.
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { buildSync } from 'esbuild'

const GZIPPED_BYTES_MAX = 1023
const FOLDER = fileURLToPath(new URL('.', import.meta.url))

/** The script as pages get it. */
export function footfallJs() {
  const { outputFiles } = buildSync({
    absWorkingDir: FOLDER,
    entryPoints: ['src/footfall.ts'],
    bundle: true,
    minify: true,
    format: 'iife',
    target: 'es2018',
    write: false,
  })
  const script = outputFiles[0].contents
  const gzipped = gzipSync(script, { level: 9 }).length
  if (gzipped > GZIPPED_BYTES_MAX) {
    throw new Error(`footfall.js is ${gzipped} bytes gzipped, ${GZIPPED_BYTES_MAX} are allowed`)
  }
  return { script, gzipped }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { script, gzipped } = footfallJs()
  mkdirSync(`${FOLDER}dist`, { recursive: true })
  writeFileSync(`${FOLDER}dist/footfall.js`, script)
  console.log(`tracker/dist/footfall.js: ${script.length} bytes, ${gzipped} gzipped`)
}
