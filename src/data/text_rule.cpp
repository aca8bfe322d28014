#include "data/text_rule.h"

#include <algorithm>
#include <array>

namespace tenure::data {
namespace {

/// UTF-8 of the space separators (Unicode category Zs).
constexpr std::array<std::string_view, 17> kBlanks = {
    " ",      "\u00A0", "\u1680", "\u2000", "\u2001", "\u2002", "\u2003", "\u2004", "\u2005",
    "\u2006", "\u2007", "\u2008", "\u2009", "\u200A", "\u202F", "\u205F", "\u3000"};

template <typename IsAtEnd>
std::size_t blank_size(const IsAtEnd& is_at_end) {
  const auto found = std::ranges::find_if(kBlanks, is_at_end);
  return found == kBlanks.end() ? 0 : found->size();
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  while (const std::size_t size =
             blank_size([&](std::string_view blank) { return text.starts_with(blank); }))
    text.remove_prefix(size);
  while (const std::size_t size =
             blank_size([&](std::string_view blank) { return text.ends_with(blank); }))
    text.remove_suffix(size);
  return text;
}

std::optional<std::string_view> TextRule::missing() const {
  if (null_value) return std::string_view(*null_value);
  return std::nullopt;
}

std::optional<std::string_view> TextRule::value(std::string_view written) const {
  const std::string_view text = trimmed(written);
  return std::ranges::find(null_markers, text) != null_markers.end() ? missing()
                                                                     : std::optional(text);
}

}  // namespace tenure::data
