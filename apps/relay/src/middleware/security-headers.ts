import type { MiddlewareHandler } from 'hono';
import type { CatalogEntry } from '@opengateway/core';

/** Hugging Face, and where it sends on those who ask for large files; WebLLM's own list of models lies there. */
const PREBUILT_SOURCES = ['https://huggingface.co', 'https://*.huggingface.co', 'https://*.hf.co'];
const PREBUILT_LIBRARIES = 'https://raw.githubusercontent.com';

/**
 * Origins beside the relay's own that the page must reach for the catalogue's compiled packages: none unless the
 * operator named such a package.
 */
export function packageOrigins(entries: readonly Pick<CatalogEntry, 'package'>[]): string[] {
  const origins = entries.flatMap(({ package: modelPackage }) => {
    if (modelPackage === undefined) return [];
    if ('prebuilt' in modelPackage) return [...PREBUILT_SOURCES, PREBUILT_LIBRARIES];
    return originsOf([modelPackage.modelUrl, modelPackage.modelLibUrl]);
  });
  return [...new Set(origins)].sort();
}

/** Origins of the files that lie at addresses of their own, and of where those are known to send clients on. */
export function fileOrigins(models: readonly { readonly fileUrls: ReadonlyMap<string, string> }[]): string[] {
  const origins = models
    .flatMap(({ fileUrls }) => originsOf([...fileUrls.values()]))
    .flatMap((origin) => (PREBUILT_SOURCES.includes(origin) ? PREBUILT_SOURCES : [origin]));
  return [...new Set(origins)].sort();
}

/**
 * WebSockets to relays: a tab goes on at another one when its own is lost, perhaps at one that nobody knew when the
 * page was loaded. Without encryption only from a page that came without it.
 */
export const relaySchemes = (publicUrl: URL | null): string[] =>
  publicUrl?.protocol === 'https:' ? ['wss:'] : ['ws:', 'wss:'];

const originsOf = (addresses: readonly string[]): string[] =>
  addresses.filter((address) => URL.canParse(address)).map((address) => new URL(address).origin);

/**
 * WebRTC is not governed by it. WebAssembly is compiled from bytes that the page fetched from here.
 */
const contentSecurityPolicy = (connectOrigins: readonly string[]): string =>
  [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "worker-src 'self' blob:",
    "style-src 'self'",
    "img-src 'self' data: blob:",
    "font-src 'self'",
    ["connect-src 'self'", ...connectOrigins].join(' '),
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');

/** Cross-origin isolation (for shared memory and exact timers) and nothing that a page could be tricked with. */
export function securityHeaders(connectOrigins: readonly string[]): MiddlewareHandler {
  const headers = Object.entries({
    'content-security-policy': contentSecurityPolicy(connectOrigins),
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-embedder-policy': 'require-corp',
    'cross-origin-resource-policy': 'same-origin',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  });
  return async (c, next) => {
    for (const [name, value] of headers) c.header(name, value);
    await next();
  };
}
