#include "storage/objects/object_key.h"

#include <fmt/format.h>

#include "core/utf8.h"

namespace tenure::storage {
namespace {

constexpr std::size_t kKeyMax = 1024;

core::Error bad_key(std::string_view key, std::string_view why) {
  // A key that is not text is not shown as it is.
  std::string shown;
  for (const char c : key.substr(0, 80)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f) {
      shown += c;
    } else {
      shown += fmt::format("\\x{:02x}", byte);
    }
  }
  return core::Error{core::ErrorCode::kInvalidArgument,
                     fmt::format("object key '{}': {}", shown, why)};
}

core::Result<> check_bytes(std::string_view key) {
  if (key.size() > kKeyMax)
    return bad_key(key, fmt::format("has {} bytes, at most {} are allowed", key.size(), kKeyMax));
  if (key.find('\0') != std::string_view::npos) return bad_key(key, "must not hold a NUL");
  if (!core::is_utf8(key)) return bad_key(key, "is not valid UTF-8");
  return {};
}

core::Result<> check_segments(std::string_view key) {
  for (std::string_view rest = key;;) {
    const std::size_t slash = rest.find('/');
    const std::string_view segment = rest.substr(0, slash);
    if (segment.empty()) return bad_key(key, "has an empty segment");
    if (segment == "." || segment == "..")
      return bad_key(key, "must not have '.' or '..' as a segment");
    if (slash == std::string_view::npos) return {};
    rest.remove_prefix(slash + 1);
  }
}

}  // namespace

core::Result<> check_object_key(std::string_view key) {
  if (auto checked = check_bytes(key); !checked) return checked;
  return check_segments(key);
}

core::Result<> check_object_prefix(std::string_view prefix) {
  if (prefix.empty()) return {};
  if (auto checked = check_bytes(prefix); !checked) return checked;
  if (prefix.ends_with('/')) prefix.remove_suffix(1);
  return check_segments(prefix);
}

std::string percent_encode_path(std::string_view path) {
  constexpr std::string_view kKept = "-._~/";
  std::string encoded;
  for (const char c : path) {
    const bool is_plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                          (c >= '0' && c <= '9') || kKept.find(c) != std::string_view::npos;
    if (is_plain) {
      encoded += c;
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

}  // namespace tenure::storage
