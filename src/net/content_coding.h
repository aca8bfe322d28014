#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace tenure::net {

enum class Coding : std::uint8_t { kIdentity, kGzip, kDeflate };

/// What requests may be encoded with; the Accept-Encoding of a 415 (RFC 9110 section 12.5.3).
constexpr std::string_view kKnownCodings = "gzip, deflate";

/// The coding a Content-Encoding names; `is_known` false for any other, and for several at once.
struct NamedCoding {
  Coding coding = Coding::kIdentity;
  bool is_known = true;
};
NamedCoding coding_of(std::string_view content_encoding);

/// What an answer may be encoded with, by an Accept-Encoding with its q-values (RFC 9110 section
/// 12.5.3): gzip when it is liked as well as deflate. No header means no coding.
Coding choose_coding(std::string_view accept_encoding);
std::string_view coding_name(Coding coding);

enum class DecodeOutcome : std::uint8_t {
  kDone,
  kMalformed,  ///< not of that coding, cut off, or followed by something else
  kTooLarge,   ///< beyond `size_max`, or a bomb: beyond 1 MiB and 200 times what was sent
  kNoRoom,     ///< `take_room` said no
};

/// Replaces `out` by what `in` decodes to. "deflate" is zlib's format, or bare deflate, which some
/// clients send instead. Before `out` grows to `n` bytes, take_room(n) is asked.
DecodeOutcome decode(Coding coding, std::string_view in, std::uint64_t size_max,
                     const std::function<bool(std::uint64_t)>& take_room, std::string& out);

/// Replaces `out` by `in`, encoded; fast rather than small. False, when it does not get smaller.
bool encode(Coding coding, std::string_view in, std::string& out);

}  // namespace tenure::net
