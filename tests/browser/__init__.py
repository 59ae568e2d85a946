"""Pages in a real browser. They need Chromium and Playwright, and are skipped without them."""
