// Builds dist/ from src/: the script for pages, whose size is limited, and the module with its types.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'rolldown'

// The code is close to this limit. Arrow functions and the order of the imports in src/ were chosen for the best gzip
// size.
const GZIPPED_BYTES_MAX = 2047
const FOLDER = fileURLToPath(new URL('.', import.meta.url))

async function bundle(input, format) {
  const { output } = await build({
    cwd: FOLDER,
    input,
    output: { format, minify: true },
    transform: { target: 'es2020' },
    write: false,
  })
  return output[0].code
}

/** The script for pages. */
export async function footfallJs() {
  const script = await bundle('src/footfall.ts', 'iife')
  const gzipped = gzipSync(script, { level: 9 }).length
  if (gzipped > GZIPPED_BYTES_MAX) {
    throw new Error(`footfall.js is ${gzipped} bytes gzipped, ${GZIPPED_BYTES_MAX} are allowed`)
  }
  return { script, gzipped }
}

/** The module for bundlers. */
export const footfallMjs = () => bundle('src/module.ts', 'esm')

/** Does not write a file whose content is the same: cargo embeds the script and rebuilds if the file's time changes. */
function write(name, content) {
  const path = `${FOLDER}dist/${name}`
  if (!existsSync(path) || readFileSync(path, 'utf8') !== content) writeFileSync(path, content)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { script, gzipped } = await footfallJs()
  mkdirSync(`${FOLDER}dist`, { recursive: true })
  write('footfall.js', script)
  write('footfall.mjs', await footfallMjs())
  write('footfall.d.ts', readFileSync(`${FOLDER}src/api.d.ts`, 'utf8'))
  console.log(`tracker/dist/footfall.js: ${script.length} bytes, ${gzipped} gzipped`)
}
