#include "api/json_reader.h"

#include "net/http_message.h"

namespace tenure::api {

JsonReader::JsonReader(std::string_view text, std::string& unescaped, Grammar grammar)
    : begin_(text.data()),
      at_(text.data()),
      end_(text.data() + text.size()),
      unescaped_(&unescaped),
      grammar_(grammar) {
  unescaped.clear();
}

void JsonReader::fail(const char* reason) {
  if (!reason_) reason_ = reason;
}

void JsonReader::skip_blanks() {
  while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
}

JsonReader::Kind JsonReader::peek() {
  if (reason_) return Kind::kBad;
  skip_blanks();
  if (at_ == end_) {
    fail("the text ends where a value should be");
    return Kind::kBad;
  }
  switch (*at_) {
    case '{':
      return Kind::kObject;
    case '[':
      return Kind::kArray;
    case '"':
      return Kind::kText;
    case 't':
      return Kind::kTrue;
    case 'f':
      return Kind::kFalse;
    case 'n':
      return Kind::kNull;
    default:
      if (grammar_ == Grammar::kPython && (*at_ == 'N' || *at_ == 'I')) return Kind::kNull;
      if (grammar_ == Grammar::kPython && end_ - at_ > 1 && at_[0] == '-' && at_[1] == 'I')
        return Kind::kNull;
      if (*at_ == '-' || (*at_ >= '0' && *at_ <= '9')) return Kind::kNumber;
      fail("a value should be here");
      return Kind::kBad;
  }
}

void JsonReader::open() {
  if (depth_ == kDepthMax) return fail("nested too deep");
  has_items_ &= ~(std::uint64_t{1} << depth_);
  ++depth_;
  ++at_;
}

void JsonReader::open_object() {
  if (peek() == Kind::kObject) open();
}

void JsonReader::open_array() {
  if (peek() == Kind::kArray) open();
}

bool JsonReader::next(char end, const char* reason) {
  if (reason_) return false;
  skip_blanks();
  if (at_ == end_) {
    fail("the text ends too early");
    return false;
  }
  if (*at_ == end) {
    ++at_;
    --depth_;
    return false;
  }
  const std::uint64_t bit = std::uint64_t{1} << (depth_ - 1);
  if ((has_items_ & bit) == 0) {
    has_items_ |= bit;
    return true;
  }
  if (*at_ != ',') {
    fail(reason);
    return false;
  }
  ++at_;
  skip_blanks();
  return true;
}

bool JsonReader::next_item() {
  return next(']', "a comma or ']' should be here");
}

bool JsonReader::next_key(std::string_view& key) {
  if (!next('}', "a comma or '}' should be here")) return false;
  if (at_ == end_ || *at_ != '"') {
    fail("a key in double quotes should be here");
    return false;
  }
  key = read_text();
  skip_blanks();
  if (reason_) return false;
  if (at_ == end_ || *at_ != ':') {
    fail("a ':' should be here");
    return false;
  }
  ++at_;
  return true;
}

std::string_view JsonReader::read_text() {
  if (peek() != Kind::kText) return {};
  const char* from = ++at_;
  std::size_t kept_from = std::string::npos;  // in unescaped_, once there was an escape
  while (at_ != end_) {
    const auto c = static_cast<unsigned char>(*at_);
    if (c == '"') {
      const std::string_view tail(from, static_cast<std::size_t>(at_ - from));
      ++at_;
      if (kept_from == std::string::npos) return tail;
      unescaped_->append(tail);
      return std::string_view(*unescaped_).substr(kept_from);
    }
    if (c == '\\') {
      if (kept_from == std::string::npos) {
        // Unescaped text is never longer than its source, so views into it stay valid.
        if (unescaped_->empty()) unescaped_->reserve(static_cast<std::size_t>(end_ - begin_));
        kept_from = unescaped_->size();
      }
      unescaped_->append(from, at_);
      if (!read_escape()) return {};
      from = at_;
    } else if (c < 0x20) {
      fail("a control character should be escaped");
      return {};
    } else if (c < 0x80) {
      ++at_;
    } else {
      const std::size_t length = net::utf8_length({at_, static_cast<std::size_t>(end_ - at_)});
      if (length == 0) {
        fail("invalid UTF-8");
        return {};
      }
      at_ += length;
    }
  }
  fail("the text ends inside a string");
  return {};
}

bool JsonReader::read_hex4(unsigned& code) {
  code = 0;
  for (int i = 0; i < 4; ++i, ++at_) {
    const char c = at_ == end_ ? '\0' : *at_;
    unsigned digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<unsigned>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      digit = static_cast<unsigned>(c - 'a' + 10);
    } else if (c >= 'A' && c <= 'F') {
      digit = static_cast<unsigned>(c - 'A' + 10);
    } else {
      fail("four hexadecimal digits should follow \\u");
      return false;
    }
    code = code * 16 + digit;
  }
  return true;
}

bool JsonReader::read_escape() {
  ++at_;  // the backslash
  if (at_ == end_) {
    fail("the text ends inside a string");
    return false;
  }
  constexpr std::string_view kNames = "\"\\/bfnrt";
  constexpr std::string_view kValues = "\"\\/\b\f\n\r\t";
  const std::size_t known = kNames.find(*at_);
  if (known != std::string_view::npos) {
    unescaped_->push_back(kValues[known]);
    ++at_;
    return true;
  }
  if (*at_ != 'u') {
    fail("unknown escape");
    return false;
  }
  ++at_;
  unsigned code = 0;
  if (!read_hex4(code)) return false;
  if (code >= 0xDC00 && code <= 0xDFFF) {
    fail("half of a surrogate pair");
    return false;
  }
  if (code >= 0xD800 && code <= 0xDBFF) {
    unsigned low = 0;
    if (end_ - at_ < 6 || at_[0] != '\\' || at_[1] != 'u') {
      fail("half of a surrogate pair");
      return false;
    }
    at_ += 2;
    if (!read_hex4(low)) return false;
    if (low < 0xDC00 || low > 0xDFFF) {
      fail("half of a surrogate pair");
      return false;
    }
    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
  }
  append_utf8(code);
  return true;
}

void JsonReader::append_utf8(unsigned code) {
  const auto put = [&](unsigned byte) { unescaped_->push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | (code >> 6));
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | (code >> 12));
    put(0x80 | ((code >> 6) & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | (code >> 18));
    put(0x80 | ((code >> 12) & 0x3F));
    put(0x80 | ((code >> 6) & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

bool JsonReader::skip_digits() {
  const char* const from = at_;
  while (at_ != end_ && *at_ >= '0' && *at_ <= '9') ++at_;
  return at_ != from;
}

std::string_view JsonReader::read_number() {
  if (peek() != Kind::kNumber) return {};
  const char* const from = at_;
  if (*at_ == '-') ++at_;
  const bool starts_with_zero = at_ != end_ && *at_ == '0';
  const char* const digits = at_;
  bool is_valid = skip_digits();
  if (is_valid && starts_with_zero && at_ - digits > 1) {
    at_ = digits + 1;
    is_valid = false;
  }
  if (is_valid && at_ != end_ && *at_ == '.') {
    ++at_;
    is_valid = skip_digits();
  }
  if (is_valid && at_ != end_ && (*at_ == 'e' || *at_ == 'E')) {
    ++at_;
    if (at_ != end_ && (*at_ == '+' || *at_ == '-')) ++at_;
    is_valid = skip_digits();
  }
  if (!is_valid) {
    fail("malformed number");
    return {};
  }
  return {from, static_cast<std::size_t>(at_ - from)};
}

bool JsonReader::skip_literal(std::string_view literal) {
  if (std::string_view(at_, static_cast<std::size_t>(end_ - at_)).starts_with(literal)) {
    at_ += literal.size();
    return true;
  }
  fail("a value should be here");
  return false;
}

void JsonReader::skip_null() {
  const bool is_python = grammar_ == Grammar::kPython && *at_ != 'n';
  if (is_python && *at_ == '-') ++at_;
  skip_literal(!is_python ? "null" : *at_ == 'N' ? "NaN" : "Infinity");
}

std::string_view JsonReader::skip() {
  const Kind kind = peek();
  const char* const from = at_;
  std::string_view key;
  switch (kind) {
    case Kind::kObject:
      open_object();
      while (next_key(key)) skip();
      break;
    case Kind::kArray:
      open_array();
      while (next_item()) skip();
      break;
    case Kind::kText:
      read_text();
      break;
    case Kind::kNumber:
      read_number();
      break;
    case Kind::kTrue:
      skip_literal("true");
      break;
    case Kind::kFalse:
      skip_literal("false");
      break;
    case Kind::kNull:
      skip_null();
      break;
    case Kind::kBad:
      break;
  }
  return {from, static_cast<std::size_t>(at_ - from)};
}

bool JsonReader::finish() {
  if (reason_) return false;
  skip_blanks();
  if (at_ != end_) fail("the text should end here");
  return !reason_;
}

}  // namespace tenure::api
