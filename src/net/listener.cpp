#include "net/listener.h"

#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace tenure::net {
namespace {

core::Error bind_error(const SocketAddress& address, int failure, std::string_view key) {
  switch (failure) {
    case EADDRINUSE:
      return core::Error{
          core::ErrorCode::kUnavailable,
          fmt::format("port {} on {} is in use by another program: stop it, or choose another port "
                      "with {} (0 = any free one)",
                      address.port(), address.host(), key)};
    case EACCES:
      return core::Error{core::ErrorCode::kPermissionDenied,
                         fmt::format("port {} needs special rights: choose {} from 1024 "
                                     "on, or put a reverse proxy in front",
                                     address.port(), key)};
    case EADDRNOTAVAIL:
      return core::Error{core::ErrorCode::kInvalidArgument,
                         fmt::format("serving.host: this machine has no address {}; use 127.0.0.1 "
                                     "(this machine only) or 0.0.0.0 (all networks)",
                                     address.host())};
    default:
      return core::Error{core::ErrorCode::kUnavailable,
                         fmt::format("cannot listen on {}:{}: {}", address.host(), address.port(),
                                     std::strerror(failure))};
  }
}

bool switch_on(int fd, int option) {
  const int on = 1;
  return ::setsockopt(fd, SOL_SOCKET, option, &on, sizeof on) == 0;
}

core::Descriptor make_socket(const SocketAddress& address) {
  return core::Descriptor(
      ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
}

}  // namespace

core::Result<> Listener::check_port_is_free(const SocketAddress& address, std::string_view key) {
  if (address.port() == 0) return {};
  const core::Descriptor probe = make_socket(address);
  if (!probe.is_open() || !switch_on(probe.get(), SO_REUSEADDR) ||
      ::bind(probe.get(), address.data(), address.size()) != 0) {
    return bind_error(address, errno, key);
  }
  return {};
}

core::Result<> Listener::open(const SocketAddress& address) {
  core::Descriptor made = make_socket(address);
  const int fd = made.get();
  if (fd < 0 || !switch_on(fd, SO_REUSEADDR) || !switch_on(fd, SO_REUSEPORT) ||
      ::bind(fd, address.data(), address.size()) != 0 || ::listen(fd, SOMAXCONN) != 0) {
    return bind_error(address, errno, "serving.port");
  }
  socket_ = std::move(made);
  return {};
}

std::uint16_t Listener::port() const {
  SocketAddress bound;
  if (::getsockname(fd(), bound.data(), bound.size_for_system()) != 0) return 0;
  return bound.port();
}

Listener::Outcome Listener::accept(core::Descriptor& socket, SocketAddress& peer) {
  for (;;) {
    peer = SocketAddress();
    const int fd =
        ::accept4(socket_.get(), peer.data(), peer.size_for_system(), SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      socket = core::Descriptor(fd);
      const int on = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      return Outcome::kAccepted;
    }
    switch (errno) {
      case EAGAIN:
        return Outcome::kNobody;
      case EMFILE:
      case ENFILE:
      case ENOBUFS:
      case ENOMEM:
        return Outcome::kNoRoom;
      case EBADF:
      case EINVAL:
        return Outcome::kNobody;  // closed
      default:
        break;  // that client is gone already, or never was: the next one
    }
  }
}

}  // namespace tenure::net
