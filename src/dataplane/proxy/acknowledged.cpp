// Apart from Asio: <netinet/tcp.h>, which it includes, has an older tcp_info of the same name.
#include "dataplane/proxy/acknowledged.hpp"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>

namespace modelops::proxy {

std::uint64_t acknowledged_bytes(int fd) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return UINT64_MAX;
  if (size < offsetof(tcp_info, tcpi_bytes_acked) + sizeof info.tcpi_bytes_acked) return UINT64_MAX;
  return info.tcpi_bytes_acked;
}

}  // namespace modelops::proxy
