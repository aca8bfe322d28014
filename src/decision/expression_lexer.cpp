#include "decision/expression_lexer.h"

#include <array>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "decision/expression_tree.h"

namespace tenure::decision {
namespace {

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/// Reads one token after another from the source.
class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  core::Result<std::vector<Token>> read_all() {
    std::vector<Token> tokens;
    for (;;) {
      while (at_ < source_.size() && is_blank(source_[at_])) ++at_;
      auto token = read_one();
      if (!token) return std::move(token).error();
      tokens.push_back(*std::move(token));
      if (tokens.back().kind == Token::Kind::kEnd) return tokens;
    }
  }

 private:
  core::Result<Token> read_one() {
    Token token;
    token.begin = static_cast<std::uint32_t>(at_);
    if (at_ < source_.size()) {
      const char c = source_[at_];
      const bool is_fraction = c == '.' && at_ + 1 < source_.size() && is_digit(source_[at_ + 1]);
      core::Result<> read;
      if (is_letter(c))
        read_word(token);
      else if (is_digit(c) || is_fraction)
        read = read_number(token);
      else if (c == '\'' || c == '"')
        read = read_quoted(token);
      else
        read = read_symbol(token);
      if (!read) return std::move(read).error();
    }
    token.end = static_cast<std::uint32_t>(at_);
    return token;
  }

  void read_word(Token& token) {
    token.kind = Token::Kind::kWord;
    while (at_ < source_.size() && (is_letter(source_[at_]) || is_digit(source_[at_])))
      token.text += source_[at_++];
  }

  core::Result<> read_number(Token& token) {
    token.kind = Token::Kind::kNumber;
    const char* const first = source_.data() + at_;
    const char* const last = source_.data() + source_.size();
    const auto [end, status] = std::from_chars(first, last, token.number);
    if (status != std::errc{} || !std::isfinite(token.number))
      return expression_error(source_, at_, "the number is too large or too small");
    at_ += static_cast<std::size_t>(end - first);
    if (at_ < source_.size() && (is_letter(source_[at_]) || source_[at_] == '.'))
      return expression_error(source_, at_, "a number ends here, so an operator was expected");
    token.text.assign(first, end);
    return {};
  }

  core::Result<> read_quoted(Token& token) {
    const char quote = source_[at_];
    token.kind = quote == '"' ? Token::Kind::kQuotedName : Token::Kind::kText;
    for (++at_; at_ < source_.size(); ++at_) {
      if (source_[at_] == quote) {
        ++at_;
        const bool is_doubled = at_ < source_.size() && source_[at_] == quote;
        if (!is_doubled) return {};
      }
      token.text += source_[at_];
    }
    return expression_error(source_, token.begin,
                            fmt::format("this quote has no end; expected a closing {}", quote));
  }

  core::Result<> read_symbol(Token& token) {
    struct Symbol {
      std::string_view written, meant;
    };
    static constexpr std::array kSymbols = std::to_array<Symbol>({
        {"==", "="},
        {"!=", "!="},
        {"<>", "!="},
        {"<=", "<="},
        {">=", ">="},
        {"=", "="},
        {"<", "<"},
        {">", ">"},
        {"+", "+"},
        {"-", "-"},
        {"*", "*"},
        {"/", "/"},
        {"(", "("},
        {")", ")"},
        {",", ","},
    });
    token.kind = Token::Kind::kSymbol;
    for (const Symbol& symbol : kSymbols) {
      if (source_.substr(at_, symbol.written.size()) != symbol.written) continue;
      token.text = symbol.meant;
      at_ += symbol.written.size();
      return {};
    }
    return expression_error(source_, at_, why_no_symbol(source_[at_]));
  }

  static std::string why_no_symbol(char c) {
    if (static_cast<unsigned char>(c) >= 0x80 || c == '`' || c == '[')
      return "a name with characters other than A-Z, a-z, 0-9 and _ stands in double quotes";
    if (c == '&' || c == '|' || c == '!') return "write and, or, not";
    if (static_cast<unsigned char>(c) < 0x20) return "a control character has no meaning here";
    return fmt::format("'{}' has no meaning here", c);
  }

  std::string_view source_;
  std::size_t at_ = 0;
};

}  // namespace

core::Result<std::vector<Token>> expression_tokens(std::string_view source) {
  return Lexer(source).read_all();
}

std::string shown_token(const Token& token) {
  constexpr std::size_t kShownMax = 40;
  if (token.kind == Token::Kind::kEnd) return "the end";
  if (token.text.size() <= kShownMax) return fmt::format("'{}'", token.text);
  return fmt::format("'{}...'", token.text.substr(0, kShownMax));
}

}  // namespace tenure::decision
