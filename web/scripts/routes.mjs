// Writes src/routeTree.gen.ts, as the Vite plugin does, for whoever needs it without Vite.
import { Generator, getConfig } from "@tanstack/router-generator";

const root = process.cwd();
await new Generator({ config: getConfig({ target: "react", autoCodeSplitting: true }, root), root }).run();
