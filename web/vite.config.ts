import { fileURLToPath } from "node:url";
import tailwindcss from "@tailwindcss/vite";
import { tanstackRouter } from "@tanstack/router-plugin/vite";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

const api = process.env.MODELOPS_API ?? "http://127.0.0.1:18087";
// The server refuses changes whose Host is not the page's own, so it is passed on as it came.
const proxy = Object.fromEntries(
  ["/api", "/openapi.json", "/docs"].map((path) => [path, { target: api, changeOrigin: false }]),
);

/** The two fonts that every page shows are asked for at once, not when the styles have been read. */
const preloadFonts: Plugin = {
  name: "preload-fonts",
  apply: "build",
  transformIndexHtml: {
    order: "post",
    handler: (_, { bundle }) =>
      Object.keys(bundle ?? {})
        .filter((file) => /\/geist(-mono)?-latin-wght-normal-/.test(file))
        .map((file) => ({
          tag: "link",
          attrs: { rel: "preload", as: "font", type: "font/woff2", crossorigin: "", href: `/modelops/${file}` },
          injectTo: "head",
        })),
  },
};

export default defineConfig({
  base: "/modelops/",
  plugins: [tanstackRouter({ target: "react", autoCodeSplitting: true }), react(), tailwindcss(), preloadFonts],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  // Nothing is inlined: the page's policy allows scripts, styles, fonts and pictures from the server alone.
  build: { target: "es2023", manifest: true, assetsInlineLimit: 0 },
  server: { host: "127.0.0.1", proxy },
  preview: { host: "127.0.0.1", proxy },
});
