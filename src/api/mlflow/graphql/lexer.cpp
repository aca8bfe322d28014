#include "api/mlflow/graphql/lexer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/utf8.h"

namespace tenure::api::mlflow::graphql {
namespace {

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// A code point of the basic plane; halves of surrogate pairs become U+FFFD.
void append_code(std::string& out, unsigned code) {
  if (code >= 0xD800 && code <= 0xDFFF) code = 0xFFFD;
  const auto put = [&](unsigned byte) { out += static_cast<char>(byte); };
  if (code < 0x80) return put(code);
  if (code < 0x800) {
    put(0xC0 | (code >> 6));
  } else {
    put(0xE0 | (code >> 12));
    put(0x80 | ((code >> 6) & 0x3F));
  }
  put(0x80 | (code & 0x3F));
}

constexpr std::array<std::pair<char, char>, 8> kEscapes = {{{'"', '"'},
                                                            {'\\', '\\'},
                                                            {'/', '/'},
                                                            {'b', '\b'},
                                                            {'f', '\f'},
                                                            {'n', '\n'},
                                                            {'r', '\r'},
                                                            {'t', '\t'}}};

}  // namespace

Token Lexer::taken(Token::Kind kind, std::size_t length) {
  Token token{.kind = kind, .source = text_.substr(begin_, length), .text = {}};
  at_ = begin_ + length;
  return token;
}

void Lexer::skip_ignored() {
  constexpr std::string_view kIgnored = " \t\r\n,";
  while (at_ < text_.size()) {
    if (text_[at_] == '#') {
      at_ = std::min(text_.find('\n', at_), text_.size());
    } else if (kIgnored.find(text_[at_]) != std::string_view::npos) {
      ++at_;
    } else {
      return;
    }
  }
}

std::size_t Lexer::line() const {
  const std::string_view before = text_.substr(0, begin_);
  return 1 + static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
}

Token Lexer::next() {
  skip_ignored();
  begin_ = at_;
  if (at_ == text_.size()) return {};
  const char c = text_[at_];
  if (is_letter(c)) {
    std::size_t end = at_;
    while (end < text_.size() && (is_letter(text_[end]) || is_digit(text_[end]))) ++end;
    return taken(Token::Kind::kName, end - begin_);
  }
  if (is_digit(c) || c == '-') return number();
  if (text_.substr(at_).starts_with("\"\"\"")) return block();
  if (c == '"') return quoted();
  if (text_.substr(at_).starts_with("...")) return taken(Token::Kind::kPunctuator, 3);
  constexpr std::string_view kPunctuators = "{}()[]:=!@$|&";
  if (kPunctuators.find(c) != std::string_view::npos) return taken(Token::Kind::kPunctuator, 1);
  return taken(Token::Kind::kBad, 1);
}

Token Lexer::number() {
  std::size_t end = at_ + (text_[at_] == '-' ? 1 : 0);
  const auto digits = [&] {
    const std::size_t from = end;
    while (end < text_.size() && is_digit(text_[end])) ++end;
    return end > from;
  };
  if (!digits()) return taken(Token::Kind::kBad, 1);
  Token::Kind kind = Token::Kind::kInteger;
  if (end < text_.size() && text_[end] == '.') {
    ++end;
    kind = digits() ? Token::Kind::kReal : Token::Kind::kBad;
  }
  if (kind != Token::Kind::kBad && end < text_.size() && (text_[end] == 'e' || text_[end] == 'E')) {
    ++end;
    if (end < text_.size() && (text_[end] == '+' || text_[end] == '-')) ++end;
    kind = digits() ? Token::Kind::kReal : Token::Kind::kBad;
  }
  return taken(kind, end - begin_);
}

Token Lexer::block() {
  const std::size_t from = at_ + 3;
  const std::size_t end = text_.find("\"\"\"", from);
  if (end == std::string_view::npos) return taken(Token::Kind::kBad, 3);
  Token token = taken(Token::Kind::kText, end + 3 - begin_);
  token.text = text_.substr(from, end - from);
  return token;
}

Token Lexer::quoted() {
  std::string plain;
  for (std::size_t i = at_ + 1; i < text_.size() && text_[i] != '\n'; ++i) {
    const char c = text_[i];
    if (c == '"') {
      Token token = taken(Token::Kind::kText, i + 1 - begin_);
      if (!core::is_utf8(plain)) token.kind = Token::Kind::kBad;
      token.text = std::move(plain);
      return token;
    }
    if (c != '\\') {
      plain += c;
      continue;
    }
    if (++i == text_.size()) break;
    if (text_[i] == 'u') {
      if (text_.size() - i < 5) break;
      unsigned code = 0;
      for (std::size_t k = 1; k <= 4; ++k) {
        const int digit = hex_value(text_[i + k]);
        if (digit < 0) return taken(Token::Kind::kBad, 1);
        code = code * 16 + static_cast<unsigned>(digit);
      }
      append_code(plain, code);
      i += 4;
      continue;
    }
    const auto known = std::find_if(kEscapes.begin(), kEscapes.end(),
                                    [&](const auto& escape) { return escape.first == text_[i]; });
    if (known == kEscapes.end()) break;
    plain += known->second;
  }
  return taken(Token::Kind::kBad, 1);
}

}  // namespace tenure::api::mlflow::graphql
