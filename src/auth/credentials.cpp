#include "auth/credentials.h"

#include <algorithm>
#include <cstdint>

#include "core/ascii_case.h"

namespace tenure::auth {
namespace {

std::string_view trim(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

int base64_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

}  // namespace

PresentedSecret::PresentedSecret(const Credentials& credentials) {
  const std::string_view authorization = trim(credentials.authorization);
  if (authorization.empty()) {
    text_ = trim(credentials.api_key);
    is_present_ = !text_.empty();
    return;
  }
  is_present_ = true;
  const std::size_t blank = std::min(authorization.find(' '), authorization.size());
  const std::string_view scheme = authorization.substr(0, blank);
  const std::string_view rest = trim(authorization.substr(blank));
  if (core::equals_ignoring_case(scheme, "Bearer")) {
    text_ = rest;
  } else if (core::equals_ignoring_case(scheme, "Basic")) {
    read_basic(rest);
  }
}

/// RFC 7617: base64 of "user:password"; the user may not hold a colon.
void PresentedSecret::read_basic(std::string_view encoded) {
  while (encoded.ends_with('=')) encoded.remove_suffix(1);
  if (encoded.size() > decoded_.size() / 3 * 4 || encoded.size() % 4 == 1) return;
  std::uint32_t bits = 0;
  int held = 0;
  std::size_t size = 0;
  for (const char c : encoded) {
    const int value = base64_value(c);
    if (value < 0) return;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    decoded_[size++] = static_cast<char>(bits >> held & 0xFF);
  }
  const std::string_view whole(decoded_.data(), size);
  const std::size_t colon = whole.find(':');
  if (colon != std::string_view::npos) text_ = whole.substr(colon + 1);
}

}  // namespace tenure::auth
