#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace tenure::decision {

struct Token {
  enum class Kind : std::uint8_t {
    kNumber,
    kText,        ///< 'in single quotes'
    kWord,        ///< a bare name, keyword or function
    kQuotedName,  ///< "in double quotes"
    kSymbol,
    kEnd,
  };
  Kind kind = Kind::kEnd;
  std::uint32_t begin = 0;  ///< bytes of the source
  std::uint32_t end = 0;
  double number = 0;
  std::string text;  ///< quotes removed; symbols in their usual form ("=", "!=")
};

/// The tokens of an expression, the last of kind kEnd. Errors: kInvalidArgument with the position,
/// for a character that has no meaning here, a quote that does not end, or a number that is none.
core::Result<std::vector<Token>> expression_tokens(std::string_view source);

/// A token for a message: 'tenure', or "the end".
std::string shown_token(const Token& token);

}  // namespace tenure::decision
