#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tenure::api::mlflow::graphql {

struct Token {
  enum class Kind : std::uint8_t { kEnd, kName, kPunctuator, kInteger, kReal, kText, kBad };
  Kind kind = Kind::kEnd;
  std::string_view source;  ///< as written
  std::string text;         ///< of kText, without quotes and escapes

  bool is(std::string_view punctuator_or_name) const {
    return (kind == Kind::kPunctuator || kind == Kind::kName) && source == punctuator_or_name;
  }
};

/// Cuts a GraphQL document into its tokens. Blanks, commas and comments are none.
class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}
  Token next();              ///< kBad for what is no token
  std::size_t line() const;  ///< of the token that next() gave last, from 1

 private:
  void skip_ignored();
  Token number();
  Token quoted();
  Token block();
  Token taken(Token::Kind kind, std::size_t length);

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t begin_ = 0;
};

}  // namespace tenure::api::mlflow::graphql
