#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/clock.h"
#include "core/result.h"
#include "net/http_message.h"

// Conditional and partial answers (RFC 9110 §13, §14) for a representation of known size.
namespace tenure::net {

struct Representation {
  std::uint64_t size = 0;
  std::string_view etag;      ///< with its quotes; strong
  core::Micros modified = 0;  ///< 0 = not known
};

struct ByteRange {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

/// Sets status 200, 206, 304, 412 or 416 and the headers ETag, Last-Modified, Accept-Ranges and
/// Content-Range of the answer by the request's Range, If-Range, If-Match, If-None-Match,
/// If-Modified-Since and If-Unmodified-Since. Returns the bytes to send; nothing when the answer
/// has no body. Several ranges, or a unit that is not bytes: the whole.
std::optional<ByteRange> select_range(const Request& request, const Representation& representation,
                                      Response& response);

}  // namespace tenure::net
