#pragma once
#include <sys/socket.h>

#include <string>

namespace modelops::http {

/// True when `address` is a unicast address of the public internet. False for anything that may lead into the network
/// this program runs in: loopback, private, link-local, shared (CGNAT), unspecified, multicast, reserved and
/// documentation ranges, cloud metadata services, and IPv6 forms that embed an IPv4 address (mapped, NAT64, 6to4,
/// Teredo). Ranges: IANA special-purpose address registries (RFC 6890).
bool is_public_address(const sockaddr& address);
/// What limits per client count: an IPv4 address as it is, of IPv6 the network of 64 bits that a client commonly has.
std::string client_network(const std::string& address);
/// "192.0.2.1" or "2001:db8::1"; empty for other families.
std::string address_text(const sockaddr& address);

}  // namespace modelops::http
