/* Two small build steps of our own: a stylesheet-speed theme script, and compressed twins of each text file. */
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import type { Plugin } from 'vite';

/** The chosen theme must be known before the first paint, and inline scripts are forbidden: so the few lines go
 * into a file of their own, with a hashed name, loaded in front of the style sheet. */
export function themeScript(file: string): Plugin {
  return {
    name: 'rookery-theme-script',
    transformIndexHtml: {
      order: 'post',
      handler(_html, ctx) {
        const source = readFileSync(file, 'utf8');
        if (ctx.server) {
          return [{ tag: 'script', attrs: { src: '/build/theme.js' }, injectTo: 'head-prepend' }];
        }
        const hash = createHash('sha256').update(source).digest('hex').slice(0, 8);
        const name = `assets/theme-${hash}.js`;
        if (ctx.bundle && !(name in ctx.bundle)) {
          (this as unknown as { emitFile(f: object): void }).emitFile({ type: 'asset', fileName: name, source });
        }
        return [{ tag: 'script', attrs: { src: `/${name}` }, injectTo: 'head-prepend' }];
      },
    },
  };
}

const TEXT = /\.(html|js|css|svg|json|webmanifest|txt)$/;
const WORTHWHILE_BYTES = 512;

/** Writes x.gz and x.br beside each text file x of the output, where that is smaller. */
export function compressed(): Plugin {
  let out = 'dist';
  return {
    name: 'rookery-compressed',
    apply: 'build',
    configResolved(config) {
      out = join(config.root, config.build.outDir);
    },
    closeBundle() {
      for (const name of readdirSync(out, { recursive: true, encoding: 'utf8' })) {
        const path = join(out, name);
        if (!TEXT.test(name) || !statSync(path).isFile()) continue;
        const raw = readFileSync(path);
        if (raw.length < WORTHWHILE_BYTES) continue;
        const gz = gzipSync(raw, { level: 9 });
        const br = brotliCompressSync(raw, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: raw.length } });
        if (gz.length < raw.length) writeFileSync(`${path}.gz`, gz);
        if (br.length < raw.length) writeFileSync(`${path}.br`, br);
      }
    },
  };
}
