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
    // Every wait is for a condition. These only end what never comes, also on a machine that is busy with a build.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 30_000, interval: 50 } },
  },
};
