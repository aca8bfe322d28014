#include "features/entity_key.h"

#include <charconv>

#include <fmt/core.h>

#include "core/sha256.h"
#include "features/little_endian.h"

namespace tenure::features {
namespace {

constexpr std::uint32_t kTypeText = 2;
constexpr std::uint32_t kTypeInteger = 4;
constexpr char kHashedMarker = static_cast<char>(0xff);
constexpr std::size_t kDigestSize = 32;

void append_name(std::string_view join_column, std::string& out) {
  append_little_endian<std::uint32_t>(1, out);
  append_little_endian<std::uint32_t>(kTypeText, out);
  append_little_endian(static_cast<std::uint32_t>(join_column.size()), out);
  out += join_column;
}

int hex_digit(char c) {
  return c <= '9' ? c - '0' : c - 'a' + 10;
}

/// What stands for an entity key that is too long.
void append_digest(std::string_view entity_key, std::string& out) {
  const std::string hex = core::sha256_hex(entity_key);
  out += kHashedMarker;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    out += static_cast<char>(hex_digit(hex[i]) * 16 + hex_digit(hex[i + 1]));
  }
}

}  // namespace

void append_entity_key(std::string_view join_column, std::string_view text, std::string& out) {
  append_name(join_column, out);
  append_little_endian<std::uint32_t>(kTypeText, out);
  append_little_endian(static_cast<std::uint32_t>(text.size()), out);
  out += text;
}

void append_entity_key(std::string_view join_column, std::int64_t integer, std::string& out) {
  append_name(join_column, out);
  append_little_endian<std::uint32_t>(kTypeInteger, out);
  append_little_endian<std::uint32_t>(sizeof(integer), out);
  append_little_endian(integer, out);
}

std::optional<std::int64_t> parse_integer_key(std::string_view text) {
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

core::Result<OnlineKeyParts> online_key_parts(std::string_view project, std::string_view view,
                                              std::uint32_t schema) {
  const auto has_nul = [](std::string_view name) { return name.find('\0') != name.npos; };
  const std::size_t size = project.size() + view.size() + 2 + sizeof schema;
  if (has_nul(project) || has_nul(view) || size + 1 + kDigestSize > kOnlineKeyMax) {
    return core::Error{
        core::ErrorCode::kInvalidArgument,
        fmt::format("project and feature view name must not hold a zero byte and "
                    "have at most {} bytes together, but have {}",
                    kOnlineKeyMax - kDigestSize - 3 - sizeof schema, size - 2 - sizeof schema)};
  }
  OnlineKeyParts parts;
  parts.before.append(project).push_back('\0');
  parts.after.append(view).push_back('\0');
  append_little_endian(schema, parts.after);
  return parts;
}

bool append_online_key(const OnlineKeyParts& parts, std::string_view entity_key, std::string& out) {
  const bool is_hashed =
      parts.before.size() + entity_key.size() + parts.after.size() > kOnlineKeyMax;
  out += parts.before;
  if (is_hashed) {
    append_digest(entity_key, out);
  } else {
    out += entity_key;
  }
  out += parts.after;
  return is_hashed;
}

}  // namespace tenure::features
