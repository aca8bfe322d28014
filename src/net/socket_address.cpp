#include "net/socket_address.h"

#include <array>
#include <cstring>
#include <memory>
#include <netdb.h>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <net/if.h>
#include <netinet/in.h>

namespace tenure::net {
namespace {

/// Only one of both is looked at, after `family`.
in_port_t* port_field(sockaddr_storage& storage) {
  if (storage.ss_family == AF_INET6) return &reinterpret_cast<sockaddr_in6*>(&storage)->sin6_port;
  return &reinterpret_cast<sockaddr_in*>(&storage)->sin_port;
}

}  // namespace

std::optional<SocketAddress> SocketAddress::parse(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST;
  hints.ai_socktype = SOCK_STREAM;
  // The library reads short forms of the last century, too: "1" would be 0.0.0.1.
  in_addr four{};
  if (host.find(':') == std::string::npos && ::inet_pton(AF_INET, host.c_str(), &four) != 1)
    return std::nullopt;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0 || found == nullptr)
    return std::nullopt;
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, ::freeaddrinfo);
  SocketAddress address;
  std::memcpy(&address.storage_, found->ai_addr, found->ai_addrlen);
  address.size_ = found->ai_addrlen;
  address.set_port(port);
  return address;
}

std::uint16_t SocketAddress::port() const {
  sockaddr_storage copy = storage_;
  return ntohs(*port_field(copy));
}

void SocketAddress::set_port(std::uint16_t port) {
  *port_field(storage_) = htons(port);
}

std::string SocketAddress::host() const {
  std::array<char, INET6_ADDRSTRLEN + IF_NAMESIZE + 1> name{};
  if (::getnameinfo(data(), size_, name.data(), name.size(), nullptr, 0, NI_NUMERICHOST) != 0)
    return "";
  return name.data();
}

std::string SocketAddress::text() const {
  return family() == AF_INET6 ? fmt::format("[{}]:{}", host(), port())
                              : fmt::format("{}:{}", host(), port());
}

}  // namespace tenure::net
