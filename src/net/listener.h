#pragma once

#include <cstdint>
#include <string_view>

#include "core/descriptor.h"
#include "core/result.h"
#include "net/socket_address.h"

namespace tenure::net {

/// A listening TCP socket that shares its port with the other event loops' (SO_REUSEPORT). Not
/// thread-safe.
class Listener {
 public:
  /// SO_REUSEPORT would let a second server of the same user share the port and take half of its
  /// connections without a word. A socket without that option finds out whether anybody listens.
  /// `key`: of the configuration, for the message. Errors: as HttpServer::listen.
  static core::Result<> check_port_is_free(const SocketAddress& address,
                                           std::string_view key = "serving.port");

  /// Errors: as HttpServer::listen.
  core::Result<> open(const SocketAddress& address);
  void close() { socket_.close(); }

  int fd() const { return socket_.get(); }
  std::uint16_t port() const;

  enum class Outcome : std::uint8_t {
    kAccepted,
    kNobody,  ///< no connection waits
    kNoRoom,  ///< out of file descriptors or memory: connections wait in the kernel
  };
  /// Takes one connection that waits, without blocking; its socket does not block either.
  Outcome accept(core::Descriptor& socket, SocketAddress& peer);

 private:
  core::Descriptor socket_;
};

}  // namespace tenure::net
