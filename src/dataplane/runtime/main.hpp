#pragma once

namespace modelops::runtime {

/// `modelops runtime`: serves ONNX models until SIGTERM or SIGINT, then finishes what was accepted. Returns the exit
/// code: 0 after a clean end, 1 when it cannot start or a model cannot be loaded (the reason is the last line of the
/// log), 2 for a wrong command line. Blocks both signals in the calling thread and those that it starts.
int run_runtime(int argc, char** argv);

}  // namespace modelops::runtime
