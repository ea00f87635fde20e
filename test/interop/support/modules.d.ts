/**
 * The few members that these tests use of the packages in test/interop/package.json. Declared here so that the
 * type check of the whole repository needs no install in this folder.
 */
declare module 'ws' {
  import type { EventEmitter } from 'node:events'

  interface SendOptions {
    binary?: boolean
    fin?: boolean
    compress?: boolean
  }
  interface ClientOptions {
    rejectUnauthorized?: boolean
    perMessageDeflate?: boolean
    origin?: string
    headers?: Record<string, string>
  }
  export default class WebSocket extends EventEmitter {
    constructor(address: string, options?: ClientOptions)
    readonly extensions: string
    readonly readyState: number
    send(data: string | Uint8Array, options?: SendOptions): void
    ping(data?: string): void
    close(code?: number, reason?: string): void
    terminate(): void
  }
}

declare module 'playwright-core' {
  export interface ConsoleMessage {
    type(): string
    text(): string
  }
  export interface Locator {
    click(): Promise<void>
    count(): Promise<number>
    fill(text: string): Promise<void>
    first(): Locator
    filter(options: { hasText: string | RegExp }): Locator
    getAttribute(name: string): Promise<string | null>
    getByTestId(id: string): Locator
    isVisible(): Promise<boolean>
    locator(selector: string): Locator
    press(key: string): Promise<void>
    textContent(): Promise<string | null>
    allTextContents(): Promise<string[]>
    waitFor(options?: { state?: 'attached' | 'visible' | 'hidden'; timeout?: number }): Promise<void>
  }
  export interface Page {
    addInitScript(script: { content: string }): Promise<void>
    evaluate<T>(script: string): Promise<T>
    getByTestId(id: string): Locator
    goto(url: string): Promise<{ status(): number; headers(): Record<string, string> } | null>
    keyboard: { press(key: string): Promise<void>; type(text: string): Promise<void> }
    locator(selector: string): Locator
    on(event: 'console', listener: (message: ConsoleMessage) => void): void
    on(event: 'pageerror', listener: (error: Error) => void): void
    on(event: 'requestfailed', listener: (request: { url(): string }) => void): void
    screenshot(options: { path: string }): Promise<unknown>
  }
  export interface BrowserContext {
    newPage(): Promise<Page>
    close(): Promise<void>
  }
  export interface Browser {
    newContext(options: {
      colorScheme?: 'dark' | 'light'
      ignoreHTTPSErrors?: boolean
      viewport?: { width: number; height: number }
    }): Promise<BrowserContext>
    close(): Promise<void>
  }
  export const chromium: {
    launch(options: { executablePath: string; args: string[]; timeout?: number }): Promise<Browser>
  }
}
