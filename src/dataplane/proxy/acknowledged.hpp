#pragma once
#include <cstdint>

namespace modelops::proxy {

/// How many bytes the peer of a TCP socket has acknowledged, over the life of the connection; the opening of the
/// connection may count as one. What was not acknowledged cannot have been read. Everything on failure.
std::uint64_t acknowledged_bytes(int fd);

}  // namespace modelops::proxy
