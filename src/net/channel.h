#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "net/read_buffer.h"

namespace tenure::net {

class Connection;
class EventLoop;

/// What a connection and the session of its protocol share: the bytes that came, the bytes to send,
/// and the time by which something must happen. The connection moves the bytes (and encrypts them),
/// the session gives them a meaning.
struct Channel {
  EventLoop& loop;
  Connection& connection;
  ReadBuffer in;
  std::string out;
  std::string_view body;  ///< sent after `out`; its owner keeps the bytes until it is empty
  std::string remote;     ///< "127.0.0.1:51234"
  std::int64_t deadline_ns = 0;
  int jobs = 0;  ///< handlers of this connection that are on the worker pool
};

}  // namespace tenure::net
