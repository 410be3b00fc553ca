import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vite'

export default defineConfig({
  plugins: [svelte()],
  base: './', // wherever a proxy mounts the dashboard
  build: {
    modulePreload: { polyfill: false }, // one script, so there is nothing to preload
    license: { fileName: 'assets/licenses.json' }, // what the bundled packages ask to be kept with them
  },
  server: { proxy: { '/api': process.env.FOOTFALL_URL ?? 'http://127.0.0.1:8000' } },
})
