#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace tenure::tracking {

/// A token of a filter. Views borrow the filter's text.
struct FilterToken {
  enum class Kind : std::uint8_t {
    kName,         ///< metrics.acc, metrics."a b", `tags`.x, name, AND
    kNumber,       ///< -1.5e3, .5
    kText,         ///< 'text' or "text", with its quotes
    kOperator,     ///< a run of < > = !
    kParenthesis,  ///< from '(' to its ')'
    kSemicolon,
    kOther  ///< what fits nowhere: other punctuation, comments, an open quote
  };
  Kind kind = Kind::kOther;
  std::string_view source;
  std::string_view entity = {};  ///< kName: before the first dot, without quotes
  std::string_view key = {};     ///< kName: after it, or all, without quotes
  bool is_bare = false;          ///< kName: no dot and no quotes, so it may be a keyword
};

/// Splits a filter, or the inside of a parenthesis, into tokens. Never fails.
std::vector<FilterToken> split_filter(std::string_view filter);

}  // namespace tenure::tracking
