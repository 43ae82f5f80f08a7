import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { deployment } from './deployment.ts';

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  // relative, so that one build works at any path of any host
  base: './',
  plugins: [react(), deployment(process.env)],
  css: { modules: { localsConvention: 'camelCaseOnly' } },
  build: {
    outDir: process.env.DASHBOARD_OUT_DIR ?? 'dist',
    emptyOutDir: true,
    target: 'es2023',
    // the first versions with light-dark(), which the colors need
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    // the policy treats a data: URL as another origin
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // one file for the first page: otherwise each part that a later page shares is another request
    rolldownOptions: {
      output: { codeSplitting: { groups: [{ name: 'first', tags: ['$initial'] }] } },
    },
  },
  // `npm run dashboard`: against the stack that `npm start` runs
  server: {
    // not the whole checkout, because the stack keeps its keys there
    fs: {
      allow: [
        '.',
        '../node_modules',
        '../supabase/functions/_shared',
        '../supabase/functions/deliver/formats',
      ],
    },
    proxy: Object.fromEntries(
      ['/auth', '/rest', '/config.json'].map((path) => [
        path,
        {
          target: process.env.STACK_URL ?? 'http://127.0.0.1:54321',
          rewrite: (url: string) => (url === '/config.json' ? '/developer/config.json' : url),
        },
      ]),
    ),
  },
});
