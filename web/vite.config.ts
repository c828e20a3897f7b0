import { fileURLToPath } from 'node:url';
import tailwindcss from '@tailwindcss/vite';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';
import { compressed, themeScript } from './build/plugins.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

// In development the API and the socket come from a server on this address (the mock or the real one).
const backend = process.env.ROOKERY_BACKEND ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [react(), tailwindcss(), themeScript(here('./build/theme.js')), compressed()],
  resolve: { alias: { '@': here('./src') } },
  server: {
    host: '127.0.0.1',
    proxy: {
      '/api': { target: backend },
      '/ws': { target: backend, ws: true },
    },
  },
  build: {
    target: 'es2022',
    assetsInlineLimit: 0, // data: fonts and scripts would break the content security policy
    modulePreload: { polyfill: false },
    sourcemap: false,
  },
  test: {
    environment: 'jsdom',
    include: ['tests/**/*.test.{ts,tsx}'],
    setupFiles: ['tests/setup.ts'],
    restoreMocks: true,
    css: false,
  },
});
