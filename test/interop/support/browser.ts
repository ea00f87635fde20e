import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Browser, chromium, type Page } from 'playwright-core'
import { findTool } from './process.ts'

const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** Starts the system's Chromium; the caller closes it. */
export function launchChromium(): Promise<Browser> {
  const executablePath = findTool(['chromium', 'chromium-browser', 'google-chrome'], 'chromium')
  return chromium.launch({ executablePath, args: ARGUMENTS, timeout: 30_000 })
}

/** Where a screenshot of that name is kept; the folder is ignored by git. */
export function artifact(name: string): string {
  const folder = new URL('../artifacts/', import.meta.url)
  mkdirSync(folder, { recursive: true })
  return fileURLToPath(new URL(name, folder))
}

/** Collects whatever a page complains of: console errors and warnings, exceptions, failed requests, CSP violations. */
export async function collectComplaints(page: Page): Promise<string[]> {
  const complaints: string[] = []
  page.on('console', (message) => {
    if (message.type() !== 'log') complaints.push(`console ${message.type()}: ${message.text()}`)
  })
  page.on('pageerror', (error) => complaints.push(`exception: ${error.message}`))
  page.on('requestfailed', (request) => complaints.push(`failed: ${request.url()}`))
  const watch =
    "addEventListener('securitypolicyviolation', (event) => console.error('CSP', event.violatedDirective))"
  await page.addInitScript({ content: watch })
  return complaints
}

/** Opens the page of a command, and waits until it has joined the room. */
export async function openRoom(page: Page, url: string): Promise<void> {
  await page.goto(url)
  await page.locator('[data-testid=state][data-state=open]').waitFor({ timeout: 10_000 })
}
