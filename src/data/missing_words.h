#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace tenure::data {

/// The default of config key data.null_markers.
core::Result<std::vector<std::string>> default_null_markers();

/// Texts for "missing" that programs write and no person means as a category (\N, #N/A, <NA>, ...),
/// in small letters.
std::vector<std::string> technical_missing();

/// The text is one of them, in any case.
bool is_technical_missing(std::string_view text);

/// Means missing where a number or a time is expected: "unknown", "-", "n/a", ... in any case.
bool is_missing_word(std::string_view text);

/// A value that is no number and no time, and how many rows have it.
struct OddValue {
  std::string text;
  std::int64_t count = 0;
};

/// Which of the odd values of a column mean missing. `regular` rows are numbers (or times) of
/// `regular_distinct` different values; `odd` holds the most frequent other values, `odd_distinct`
/// says how many others there are.
/// All or none for words: with one value left that is neither number nor missing, the column is
/// text, and words such as "unknown" are categories in it. Technical ones are missing in any case.
/// Words that nobody listed are missing only where they are rare and the numbers are many; a column
/// of few numbers keeps them as categories ("1", "2", "unlimited").
std::vector<std::string> choose_markers(std::int64_t regular, std::int64_t regular_distinct,
                                        const std::vector<OddValue>& odd,
                                        std::int64_t odd_distinct);

}  // namespace tenure::data
