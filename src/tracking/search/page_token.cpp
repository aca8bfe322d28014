#include "tracking/search/page_token.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include <fmt/format.h>

namespace tenure::tracking {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

core::Error invalid(std::string message) {
  return core::Error{core::ErrorCode::kInvalidArgument, std::move(message)};
}

/// RFC 4648 §4, padded. std::nullopt for anything else.
std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (std::size_t at = 0; at < text.size(); at += 4) {
    const std::string_view group = text.substr(at, 4);
    const std::size_t given = std::min(group.find('='), std::size_t{4});
    const bool is_last = at + 4 == text.size();
    if (given < 2 || (given < 4 && !is_last) ||
        group.find_first_not_of('=', given) != std::string_view::npos)
      return std::nullopt;
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      const std::size_t value = i < given ? kAlphabet.find(group[i]) : 0;
      if (value == std::string_view::npos) return std::nullopt;
      bits = bits << 6 | static_cast<std::uint32_t>(value);
    }
    for (std::size_t i = 0; i + 1 < given; ++i)
      bytes += static_cast<char>(bits >> (16 - 8 * i) & 0xff);
  }
  return bytes;
}

/// Bytes as Python prints them: b'...'.
std::string bytes_repr(std::string_view bytes) {
  std::string made = "b'";
  for (const char c : bytes) {
    if (c == '\'' || c == '\\') {
      made += '\\';
      made += c;
    } else if (c >= ' ' && c <= '~') {
      made += c;
    } else {
      made += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  return made + "'";
}

}  // namespace

std::string encode_token(std::string_view json) {
  std::string token;
  token.reserve((json.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < json.size(); at += 3) {
    const std::size_t given = std::min(json.size() - at, std::size_t{3});
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      const char c = i < given ? json[at + i] : '\0';
      bits = bits << 8 | static_cast<unsigned char>(c);
    }
    for (std::size_t i = 0; i < 4; ++i)
      token += i <= given ? kAlphabet[bits >> (18 - 6 * i) & 0x3f] : '=';
  }
  return token;
}

core::Result<core::Json> decode_token(std::string_view token) {
  const auto bytes = from_base64(token);
  if (!bytes) return invalid("Invalid page token, could not base64-decode");
  auto json = core::parse_json(*bytes);
  if (!json)
    return invalid(fmt::format("Invalid page token, decoded value={}", bytes_repr(*bytes)));
  return std::move(*json);
}

std::string page_token(std::int64_t offset) {
  return encode_token(fmt::format("{{\"offset\": {}}}", offset));
}

core::Result<std::int64_t> read_page_token(std::string_view token) {
  if (token.empty()) return 0;
  auto json = decode_token(token);
  if (!json) return std::move(json).error();
  if (auto offset = core::json_integer(*json, "offset"); offset && *offset > 0) return *offset;
  // MLflow takes a text of digits too.
  if (auto text = core::json_text(*json, "offset"); text && !text->empty()) {
    std::int64_t offset = 0;
    const auto read = std::from_chars(text->data(), text->data() + text->size(), offset);
    if (read.ec == std::errc() && read.ptr == text->data() + text->size() && offset > 0)
      return offset;
    return invalid(fmt::format("Invalid page token, not stringable {}", *text));
  }
  return invalid(fmt::format("Invalid page token, parsed value={}", core::to_text(*json)));
}

}  // namespace tenure::tracking
