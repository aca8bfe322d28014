#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "core/result.h"

// Bodies that are larger than memory, in both directions. Memory per transfer stays below 1 MiB.
namespace tenure::net {

struct Request;

/// Bytes of an open file.
struct FilePart {
  int handle = -1;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

/// The body of an answer, made while it is sent (Response::source). HTTP/1.1 and HTTP/2.
class BodySource {
 public:
  virtual ~BodySource() = default;
  virtual std::uint64_t size() const = 0;  ///< bytes in all: Content-Length
  /// Fills `out` with the next bytes, at least one. Called on a worker thread, one call at a time,
  /// as the client takes the bytes. An error ends the connection (HTTP/2: the stream), so that the
  /// client sees that bytes are missing.
  virtual core::Result<std::size_t> read(std::span<char> out) = 0;
  /// Where the whole body lies when that is a file: the kernel may then send it by itself, and
  /// read() is not called. The handle is open as long as the source lives.
  virtual std::optional<FilePart> file_part() const { return std::nullopt; }
};

/// Takes the body of a request while it arrives (Route::open_body). Destroyed without the route's
/// handler having been called when the client goes away or is too slow: then what it took must
/// vanish.
class BodySink {
 public:
  virtual ~BodySink() = default;
  /// The next bytes, in order, on a worker thread, one call at a time; the client is not read from
  /// meanwhile. An error is the answer to the request. Of a large body on plain HTTP/1.1, pieces
  /// of 1 MiB at addresses that are multiples of 4096, so that a file may take them as they are.
  virtual core::Result<> write(std::string_view bytes) = 0;
};

/// Makes the sink of one request, on a worker thread, before its body is read. An error is the
/// answer, and the body is not read.
using OpenBody = std::function<core::Result<std::unique_ptr<BodySink>>(const Request&)>;

}  // namespace tenure::net
