#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tenure::data {

/// How a text as it is written becomes a value: what text_sql (clean_sql.h) does, for readers that
/// see a text more than once and remember what it is.
struct TextRule {
  std::vector<std::string> null_markers;
  std::optional<std::string> null_value;  ///< replaces missing values

  /// Without blanks around it; nothing when it is missing. Lives as long as both.
  std::optional<std::string_view> value(std::string_view written) const;
  /// Of a text that is not there.
  std::optional<std::string_view> missing() const;
};

/// Without the blanks at both ends: all that Unicode calls a space separator, as the engine's
/// trim().
std::string_view trimmed(std::string_view text);

}  // namespace tenure::data
