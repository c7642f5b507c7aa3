#include "platform/http/address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstdint>
#include <cstring>

namespace modelops::http {
namespace {

struct Range4 {
  std::uint32_t base;
  int bits;
};

constexpr std::uint32_t ip4(unsigned a, unsigned b, unsigned c, unsigned d) { return a << 24 | b << 16 | c << 8 | d; }

constexpr Range4 not_public[] = {
    {ip4(0, 0, 0, 0), 8},         // this network
    {ip4(10, 0, 0, 0), 8},        // private
    {ip4(100, 64, 0, 0), 10},     // shared, CGNAT; Alibaba Cloud's metadata service
    {ip4(127, 0, 0, 0), 8},       // loopback
    {ip4(168, 63, 129, 16), 32},  // Azure's platform service
    {ip4(169, 254, 0, 0), 16},    // link-local; most metadata services
    {ip4(172, 16, 0, 0), 12},     // private
    {ip4(192, 0, 0, 0), 24},      // IETF protocols; Oracle Cloud's metadata service
    {ip4(192, 0, 2, 0), 24},      // documentation
    {ip4(192, 88, 99, 0), 24},    // 6to4 relays
    {ip4(192, 168, 0, 0), 16},    // private
    {ip4(198, 18, 0, 0), 15},     // benchmarks
    {ip4(198, 51, 100, 0), 24},   // documentation
    {ip4(203, 0, 113, 0), 24},    // documentation
    {ip4(224, 0, 0, 0), 4},       // multicast
    {ip4(240, 0, 0, 0), 4},       // reserved, broadcast
};

bool is_public4(std::uint32_t address) {
  for (const auto& [base, bits] : not_public) {
    const std::uint32_t mask = ~std::uint32_t{0} << (32 - bits);
    if ((address & mask) == base) return false;
  }
  return true;
}

bool is_public6(const unsigned char (&a)[16]) {
  // Only 2000::/3 is given out as global unicast: this leaves out mapped, NAT64, unique-local, link-local, multicast.
  if ((a[0] & 0xe0) != 0x20) return false;
  if (a[0] == 0x20 && a[1] == 0x01 && (a[2] & 0xfe) == 0) return false;  // 2001::/23: Teredo, ORCHID and others
  if (a[0] == 0x20 && a[1] == 0x01 && a[2] == 0x0d && a[3] == 0xb8) return false;  // documentation
  if (a[0] == 0x20 && a[1] == 0x02) return false;                                  // 6to4
  if (a[0] == 0x3f && a[1] == 0xff && (a[2] & 0xf0) == 0) return false;            // documentation
  return true;
}

}  // namespace

bool is_public_address(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in in4;
    std::memcpy(&in4, &address, sizeof in4);
    return is_public4(ntohl(in4.sin_addr.s_addr));
  }
  if (address.sa_family == AF_INET6) {
    sockaddr_in6 in6;
    std::memcpy(&in6, &address, sizeof in6);
    return is_public6(in6.sin6_addr.s6_addr);
  }
  return false;
}

std::string client_network(const std::string& address) {
  constexpr unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  in6_addr in6;
  if (inet_pton(AF_INET6, address.substr(0, address.find('%')).c_str(), &in6) != 1) return address;
  char text[INET6_ADDRSTRLEN] = "";
  if (std::memcmp(in6.s6_addr, mapped, sizeof mapped) == 0) {
    inet_ntop(AF_INET, in6.s6_addr + sizeof mapped, text, sizeof text);
  } else {
    std::memset(in6.s6_addr + 8, 0, 8);
    inet_ntop(AF_INET6, &in6, text, sizeof text);
  }
  return text;
}

std::string address_text(const sockaddr& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.sa_family == AF_INET) {
    sockaddr_in in4;
    std::memcpy(&in4, &address, sizeof in4);
    inet_ntop(AF_INET, &in4.sin_addr, text, sizeof text);
  } else if (address.sa_family == AF_INET6) {
    sockaddr_in6 in6;
    std::memcpy(&in6, &address, sizeof in6);
    inet_ntop(AF_INET6, &in6.sin6_addr, text, sizeof text);
  }
  return text;
}

}  // namespace modelops::http
