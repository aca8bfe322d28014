#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <sys/socket.h>

namespace tenure::net {

/// An IP address with a port, as the system takes it.
class SocketAddress {
 public:
  /// Of "127.0.0.1", "::1" or "fe80::1%eth0"; nothing for what is no address. No name is looked up.
  static std::optional<SocketAddress> parse(const std::string& host, std::uint16_t port);

  std::string host() const;  ///< "127.0.0.1"
  std::uint16_t port() const;
  void set_port(std::uint16_t port);
  std::string text() const;  ///< "127.0.0.1:51234", "[::1]:51234"

  int family() const { return storage_.ss_family; }
  sockaddr* data() { return reinterpret_cast<sockaddr*>(&storage_); }
  const sockaddr* data() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t size() const { return size_; }
  socklen_t* size_for_system() { return &size_; }  ///< for calls that fill data()

 private:
  sockaddr_storage storage_{};
  socklen_t size_ = sizeof storage_;
};

}  // namespace tenure::net
