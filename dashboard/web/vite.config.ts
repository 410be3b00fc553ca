import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vite'

export default defineConfig({
  plugins: [svelte()],
  base: './', // the dashboard works below any path of a proxy
  build: {
    modulePreload: { polyfill: false }, // one script, so there is nothing to preload
    license: { fileName: 'assets/licenses.json' }, // has to be shipped with the bundled packages
  },
  server: { proxy: { '/api': process.env.FOOTFALL_URL ?? 'http://127.0.0.1:8000' } },
})
