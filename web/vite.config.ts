import { defineConfig } from "vite";

// The controller serves the page at /ui/… and takes it from its own package.
export default defineConfig({
  base: "/ui/",
  build: {
    outDir: "../python/weft/controller/dashboard",
    emptyOutDir: true,
    // Inlined data: addresses would need a weaker content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  esbuild: { jsx: "automatic", jsxImportSource: "preact" },
});
