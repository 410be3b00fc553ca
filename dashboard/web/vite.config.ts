import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vite'

export default defineConfig({
  plugins: [svelte()],
  base: './', // wherever a proxy mounts the dashboard
  build: {
    // The page's policy allows scripts, styles and images of its own origin and nothing inline.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
  },
  server: { proxy: { '/api': process.env.FOOTFALL_URL ?? 'http://127.0.0.1:8000' } },
})
