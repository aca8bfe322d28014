#include "data/missing_words.h"

#include <algorithm>
#include <array>

#include "core/config.h"
#include "data/column_name.h"

namespace tenure::data {
namespace {

constexpr std::array<std::string_view, 13> kTechnical = {
    "\\n",    "<na>",   "#n/a", "#null!", "#value!", "#div/0!", "(null)",
    "<null>", "[null]", "null", "n/a",    "nan",     "#na"};

constexpr std::array<std::string_view, 32> kWords = {"na",        "n.a.",
                                                     "n.a",       "none",
                                                     "nil",       "-",
                                                     "--",        "---",
                                                     ".",         "..",
                                                     "?",         "??",
                                                     "unknown",   "unk",
                                                     "missing",   "undefined",
                                                     "blank",     "empty",
                                                     "no data",   "not known",
                                                     "tbd",       "not available",
                                                     "not given", "unavailable",
                                                     "inf",       "-inf",
                                                     "+inf",      "infinity",
                                                     "-infinity", "#ref!",
                                                     "error",     "not applicable"};

template <std::size_t N>
bool is_one_of(std::string_view text, const std::array<std::string_view, N>& words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

}  // namespace

core::Result<std::vector<std::string>> default_null_markers() {
  auto config = core::parse_config("project: defaults\n", {});
  if (!config) return std::move(config).error();
  return config->list("data.null_markers");
}

std::vector<std::string> technical_missing() {
  return {kTechnical.begin(), kTechnical.end()};
}

bool is_technical_missing(std::string_view text) {
  return is_one_of(lower_case(text), kTechnical);
}

bool is_missing_word(std::string_view text) {
  const std::string low = lower_case(text);
  return is_one_of(low, kTechnical) || is_one_of(low, kWords);
}

std::vector<std::string> choose_markers(std::int64_t regular, std::int64_t regular_distinct,
                                        const std::vector<OddValue>& odd,
                                        std::int64_t odd_distinct) {
  // Words nobody listed ("n. bek.") are accepted when they are few and hold no digit: a value such
  // as "10+" or "1,234" is meant as a number, and dropping it would bend the column.
  constexpr std::int64_t kOtherWordsMax = 3;
  constexpr std::int64_t kFewNumbers = 20;
  std::vector<std::string> technical;
  std::vector<std::string> all;
  std::int64_t odd_rows = 0;
  std::int64_t other_rows = 0;
  std::int64_t other_words = 0;
  bool has_digits = false;
  for (const OddValue& value : odd) {
    odd_rows += value.count;
    all.push_back(value.text);
    if (is_technical_missing(value.text)) technical.push_back(value.text);
    if (is_missing_word(value.text)) continue;
    ++other_words;
    other_rows += value.count;
    has_digits = has_digits || value.text.find_first_of("0123456789") != std::string::npos;
  }
  const bool has_seen_all = odd_distinct <= static_cast<std::int64_t>(odd.size());
  const bool is_mostly_regular = regular >= odd_rows && regular > 0;
  const bool are_others_missing =
      other_words == 0 || (other_words <= kOtherWordsMax && !has_digits &&
                           other_rows * 10 <= regular && regular_distinct > kFewNumbers);
  return has_seen_all && is_mostly_regular && are_others_missing ? all : technical;
}

}  // namespace tenure::data
