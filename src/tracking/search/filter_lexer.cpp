#include "tracking/search/filter_lexer.h"

#include <cstddef>

namespace tenure::tracking {
namespace {

using Kind = FilterToken::Kind;

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Letters of any script: every byte of a character outside ASCII counts.
constexpr bool starts_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

constexpr bool continues_name(char c) {
  return starts_name(c) || is_digit(c) || c == '$' || c == '#';
}

constexpr bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

constexpr bool is_operator(char c) {
  return c == '<' || c == '>' || c == '=' || c == '!';
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  std::vector<FilterToken> run() {
    std::vector<FilterToken> tokens;
    for (;;) {
      while (at_ < text_.size() && is_space(text_[at_])) ++at_;
      if (at_ >= text_.size()) return tokens;
      tokens.push_back(next());
    }
  }

 private:
  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }

  FilterToken token(Kind kind, std::size_t end) {
    FilterToken made{kind, text_.substr(at_, end - at_)};
    at_ = end;
    return made;
  }

  /// One past the quote that closes the one at `begin`, 0 when there is none. A doubled quote does
  /// not close it.
  std::size_t end_of_quoted(std::size_t begin) const {
    const char quote = text_[begin];
    for (std::size_t i = begin + 1; i < text_.size(); ++i) {
      if (text_[i] != quote) continue;
      if (quote != '`' && i + 1 < text_.size() && text_[i + 1] == quote) {
        ++i;
        continue;
      }
      return i + 1;
    }
    return 0;
  }

  FilterToken next() {
    const char c = peek();
    if (c == '\'' || c == '"') {
      const std::size_t end = end_of_quoted(at_);
      return end == 0 ? token(Kind::kOther, text_.size()) : token(Kind::kText, end);
    }
    if (starts_name(c) || c == '`') return name();
    if (is_digit(c) || (c == '.' && is_digit(peek(1))) ||
        (c == '-' && (is_digit(peek(1)) || (peek(1) == '.' && is_digit(peek(2))))))
      return number();
    if (is_operator(c)) {
      std::size_t end = at_;
      while (end < text_.size() && is_operator(text_[end])) ++end;
      return token(Kind::kOperator, end);
    }
    if (c == '(') return parenthesis();
    if (c == ';') return token(Kind::kSemicolon, at_ + 1);
    if (c == '-' && peek(1) == '-') return token(Kind::kOther, text_.size());
    return token(Kind::kOther, at_ + 1);
  }

  FilterToken name() {
    std::size_t end = at_;
    std::string_view first;
    const bool is_quoted = text_[at_] == '`';
    if (is_quoted) {
      end = end_of_quoted(at_);
      if (end == 0) return token(Kind::kOther, text_.size());
      first = text_.substr(at_ + 1, end - at_ - 2);
    } else {
      while (end < text_.size() && continues_name(text_[end])) ++end;
      first = text_.substr(at_, end - at_);
    }
    if (end >= text_.size() || text_[end] != '.') {
      FilterToken made = token(Kind::kName, end);
      made.key = first;
      made.is_bare = !is_quoted;
      return made;
    }
    return name_with_key(first, end + 1);
  }

  FilterToken name_with_key(std::string_view entity, std::size_t begin) {
    std::size_t end = begin;
    std::string_view key;
    if (begin < text_.size() &&
        (text_[begin] == '`' || text_[begin] == '"' || text_[begin] == '\'')) {
      end = end_of_quoted(begin);
      if (end == 0) return token(Kind::kOther, text_.size());
      key = text_.substr(begin + 1, end - begin - 2);
    } else {
      while (end < text_.size() && (continues_name(text_[end]) || text_[end] == '.')) ++end;
      key = text_.substr(begin, end - begin);
    }
    FilterToken made = token(key.empty() ? Kind::kOther : Kind::kName, end);
    made.entity = entity;
    made.key = key;
    return made;
  }

  FilterToken number() {
    std::size_t end = at_ + (peek() == '-' ? 1 : 0);
    const auto digits = [&] {
      while (end < text_.size() && is_digit(text_[end])) ++end;
    };
    digits();
    if (end < text_.size() && text_[end] == '.') {
      ++end;
      digits();
    }
    if (end < text_.size() && (text_[end] == 'e' || text_[end] == 'E')) {
      std::size_t exponent = end + 1;
      if (exponent < text_.size() && (text_[exponent] == '+' || text_[exponent] == '-')) ++exponent;
      if (exponent < text_.size() && is_digit(text_[exponent])) {
        end = exponent;
        digits();
      }
    }
    if (end >= text_.size() || !(continues_name(text_[end]) || text_[end] == '.'))
      return token(Kind::kNumber, end);
    while (end < text_.size() && (continues_name(text_[end]) || text_[end] == '.')) ++end;
    return token(Kind::kOther, end);  // 10abc, 0x1F, 1.2.3
  }

  FilterToken parenthesis() {
    std::size_t depth = 0;
    for (std::size_t i = at_; i < text_.size(); ++i) {
      const char c = text_[i];
      if (c == '\'' || c == '"' || c == '`') {
        const std::size_t end = end_of_quoted(i);
        if (end == 0) break;
        i = end - 1;
      } else if (c == '(') {
        ++depth;
      } else if (c == ')' && --depth == 0) {
        return token(Kind::kParenthesis, i + 1);
      }
    }
    return token(Kind::kOther, at_ + 1);
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::vector<FilterToken> split_filter(std::string_view filter) {
  return Lexer(filter).run();
}

}  // namespace tenure::tracking
