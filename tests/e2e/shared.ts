// One installation for the whole run: loading a language model takes longer than most tests.
import type { TestProject } from "vitest/node";
import { Installation, type Places } from "./installation";

declare module "vitest" {
  export interface ProvidedContext {
    places: Places;
  }
}

export default async function ({ provide }: TestProject) {
  const installation = await Installation.start();
  provide("places", installation.places);
  return () => installation.stop();
}
