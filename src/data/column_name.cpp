#include "data/column_name.h"

#include <fmt/format.h>

#include "core/nearest.h"

namespace tenure::data {

std::string lower_case(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

std::string_view without_blanks(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

std::string suggest_name(std::string_view wanted, std::span<const std::string> known) {
  // Names come from files; comparing with very long ones is not worth the time.
  if (wanted.size() <= 200)
    if (const std::string_view best = core::nearest(wanted, known); !best.empty())
      return fmt::format("; did you mean '{}'?", best);
  constexpr std::size_t kShown = 30;
  std::string names;
  for (std::size_t i = 0; i < known.size() && i < kShown; ++i)
    names += (i == 0 ? "" : ", ") + known[i];
  if (known.size() > kShown) names += fmt::format(", and {} more", known.size() - kShown);
  return "; there are " + names;
}

}  // namespace tenure::data
