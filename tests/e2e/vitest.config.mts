import { BaseSequencer, type TestSpecification } from "vitest/node";

/** By name, but the first start of the installation comes first. */
class InOrder extends BaseSequencer {
  override async sort(files: TestSpecification[]) {
    const key = ({ moduleId }: TestSpecification) => moduleId.replace("first-run", "");
    return files.toSorted((a, b) => key(a).localeCompare(key(b)));
  }
}

export default {
  test: {
    include: ["**/*.test.ts"],
    globalSetup: ["./shared.ts"],
    // One page at a time on two cores, beside a language model.
    fileParallelism: false,
    sequence: { sequencer: InOrder },
    testTimeout: 90_000,
    hookTimeout: 180_000,
    // A machine that is busy with something else may answer a key press late; what is broken fails twice.
    retry: 1,
  },
};
