/** The Chromium every browser test and bench uses, and how it is started. */
import { existsSync } from 'node:fs';
import chromium from '@sparticuz/chromium';

const INSTALLED = [
  '/usr/bin/google-chrome',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** Headless, WebGPU on SwiftShader, nothing that calls out. */
export const CHROMIUM_ARGUMENTS = [
  '--headless=new',
  '--no-sandbox',
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  // Checks of every access take half of what a GPU in software can do.
  '--enable-dawn-features=allow_unsafe_apis,disable_robustness',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** `CHROME` if set, else an installed Chrome or Chromium, else the one npm brought. */
export async function chromiumPath(): Promise<string> {
  const { CHROME } = process.env;
  if (CHROME) return CHROME;
  return INSTALLED.find((path) => existsSync(path)) ?? (await chromium.executablePath());
}
