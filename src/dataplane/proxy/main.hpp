#pragma once

namespace modelops::proxy {

/// `modelops gateway`: serves inference until SIGTERM or SIGINT, then finishes what was accepted. Returns the exit
/// code: 0 after a clean end, 1 when it cannot start or the control plane refuses this gateway (the reason is the last
/// line on standard error), 2 for a wrong command line. Blocks these signals in the calling thread and those it starts.
int run_gateway(int argc, char** argv);

}  // namespace modelops::proxy
